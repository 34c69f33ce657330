package dev.img2imu.core

/**
 * A first-in, first-out queue of three-axis events, of fixed capacity.
 *
 * @property newestS time of the newest event that was ever pushed since [clear].
 */
internal class EventQueue(
    private val capacity: Int,
) {
    private val times = DoubleArray(capacity)
    private val values = FloatArray(3 * capacity)
    private var head = 0
    var size = 0
        private set
    var newestS = Double.NEGATIVE_INFINITY
        private set
    val isFull: Boolean get() = size == capacity

    fun push(
        timeS: Double,
        x: Float,
        y: Float,
        z: Float,
    ) {
        val at = (head + size++) % capacity
        times[at] = timeS
        values[3 * at] = x
        values[3 * at + 1] = y
        values[3 * at + 2] = z
        newestS = timeS
    }

    /** Time of the i-th oldest. */
    fun timeS(i: Int): Double = times[(head + i) % capacity]

    /** One axis (0, 1, 2) of the i-th oldest. */
    fun axis(
        i: Int,
        axis: Int,
    ): Float = values[3 * ((head + i) % capacity) + axis]

    /** Remove the [n] oldest. */
    fun drop(n: Int) {
        head = (head + n) % capacity
        size -= n
    }

    fun clear() {
        size = 0
        newestS = Double.NEGATIVE_INFINITY
    }
}
