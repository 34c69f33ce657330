package dev.img2imu.core

import kotlin.math.ceil
import kotlin.math.floor

/** The newest latencies of one kind, microseconds. [add] allocates nothing. */
class Latencies(
    capacity: Int = 256,
) {
    private val newest = DoubleArray(capacity)
    private var count = 0L

    /** The newest one, or NaN. */
    val last: Double get() = if (count == 0L) Double.NaN else newest[((count - 1) % newest.size).toInt()]

    fun add(us: Double) {
        newest[(count++ % newest.size).toInt()] = us
    }

    /** Return a percentile of those that are kept; NaN when there is none. */
    fun percentile(percent: Double): Double =
        percentile(newest.copyOf(minOf(count, newest.size.toLong()).toInt()), percent)

    companion object {
        /** Return a percentile, interpolated linearly between the two nearest values as numpy does; NaN of no value. */
        fun percentile(
            values: DoubleArray,
            percent: Double,
        ): Double {
            if (values.isEmpty()) return Double.NaN
            val sorted = values.sortedArray()
            val at = percent / 100 * (sorted.size - 1)
            val below = sorted[floor(at).toInt()]
            return below + (sorted[ceil(at).toInt()] - below) * (at - floor(at))
        }
    }
}
