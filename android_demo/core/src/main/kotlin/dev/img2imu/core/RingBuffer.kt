package dev.img2imu.core

/**
 * The newest [capacity] rows of a stream, read back in order without copying.
 *
 * Each row is written twice, [capacity] rows apart, so that the newest rows always lie in one piece of [store].
 *
 * @param columns values in a row.
 * @property total rows written since the last [clear].
 */
class RingBuffer(
    private val capacity: Int,
    private val columns: Int,
) {
    val store = DoubleArray(2 * capacity * columns)
    var total = 0L
        private set

    val size: Int get() = minOf(total, capacity.toLong()).toInt()

    init {
        require(capacity >= 1 && columns >= 1) { "capacity and columns must be at least 1, not $capacity and $columns" }
    }

    /** Forget every row. */
    fun clear() {
        total = 0
    }

    /** Append one row. */
    fun push(row: DoubleArray) {
        val at = (total % capacity).toInt() * columns
        row.copyInto(store, at, 0, columns)
        row.copyInto(store, at + capacity * columns, 0, columns)
        total++
    }

    /** Return the index in [store] where the newest [n] rows begin, oldest first; valid until the next [push]. */
    fun newest(n: Int): Int {
        require(n in 1..size) { "$n rows asked for, $size held" }
        val stop = ((total - 1) % capacity).toInt() + 1 + capacity
        return (stop - n) * columns
    }
}
