package dev.img2imu.core

import kotlin.math.min

// A sample this close before a grid time, in grid steps, counts as on it: i * 0.02 and i / 50 differ in the last bit,
// and seconds since 1970 in float64 are exact to 0.2 us.
private const val ON_GRID = 1e-3

/** Receives the samples that the resampler completes. */
fun interface GridSink {
    /**
     * Take one sample on the grid.
     *
     * @param timeS the grid's time on the sensor's clock.
     * @param sample (channels); valid during the call.
     * @param received number of sensor samples since the grid began, up to this time, plus the elapsed part of the
     *   interval that the time lies in. Its difference over a window is the sensor's measured rate.
     */
    fun take(
        timeS: Double,
        sample: DoubleArray,
        received: Double,
    )
}

/**
 * Streaming linear interpolation onto `start + n / rateHz`.
 *
 * Each grid sample depends only on its two neighbours. The grid starts at the first timestamp. After construction
 * nothing is allocated.
 *
 * @param rateHz rate of the grid.
 * @param channels values in a sample.
 * @param counts where interpolated samples are counted.
 */
class LinearResampler(
    private val rateHz: Double,
    private val channels: Int,
    private val counts: StreamCounts,
    private val sink: GridSink,
) {
    private var left = DoubleArray(channels)
    private var right = DoubleArray(channels)
    private val sample = DoubleArray(channels)
    private var startS = 0.0
    private var next = 0L // index of the next grid sample
    private var received = 0L

    /** Timestamp of the newest sensor sample, or NaN at the start. */
    var lastTimeS = Double.NaN
        private set

    /** Begin a new grid with the next sample. */
    fun reset() {
        lastTimeS = Double.NaN
        next = 0
        received = 0
    }

    /** Take a sensor sample later than the last one, and give the sink the grid samples that it completes. */
    fun push(
        timeS: Double,
        values: FloatArray,
    ) {
        for (i in 0 until channels) right[i] = values[i].toDouble()
        val first = lastTimeS.isNaN()
        if (first) startS = timeS
        val previousS = if (first) timeS else lastTimeS
        var complete = 0
        while (startS + (next + complete) / rateHz - ON_GRID / rateHz <= timeS) complete++
        if (complete > 1) counts.interpolated += complete - 1
        repeat(complete) {
            val gridS = startS + next / rateHz
            val weight = if (first) 0.0 else min((gridS - previousS) / (timeS - previousS), 1.0)
            for (i in 0 until channels) sample[i] = between(if (first) right[i] else left[i], right[i], weight)
            next++
            sink.take(gridS, sample, (if (first) 1 else received) + weight)
        }
        received++
        lastTimeS = timeS
        left = right.also { right = left }
    }

    private fun between(
        left: Double,
        right: Double,
        weight: Double,
    ): Double = ((1 - weight) * left + weight * right).toFloat().toDouble()
}
