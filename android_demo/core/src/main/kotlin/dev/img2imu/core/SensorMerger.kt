package dev.img2imu.core

private const val LONGEST_STEP_S = 0.5 // longer pauses of a sensor are not interpolated; the contract's usual maxGapS
private const val RESTART_S = 5.0 // time that runs back this far is another clock, not a late event
private const val CAPACITY = 16384 // events that wait for the other sensor: 40 s at 400 Hz, more than a FIFO holds

/** Receives merged samples; the array is valid during the call. */
fun interface SampleSink {
    fun take(
        timeS: Double,
        values: FloatArray,
    )
}

/**
 * Makes one stream from sensors that report separately: the gyroscope at the accelerometer's times.
 *
 * The first sensor of the channels (the accelerometer, if it is among them) sets the times; the other is interpolated
 * linearly. How the events of the two interleave, one by one or in batches, changes nothing. After construction nothing
 * is allocated.
 *
 * @param channels columns of a sample, in order.
 * @property sensors the sensors of the channels, acc or gyro or both.
 * @property missed number of samples that came too late, or for which the other sensor had none.
 */
class SensorMerger(
    channels: List<String>,
    private val sink: SampleSink,
) {
    val sensors = UNITS.keys.filter { sensor -> channels.any { it.startsWith("${sensor}_") } }
    private val lanes = sensors.map { EventQueue(CAPACITY) }
    private val laneOf = IntArray(channels.size) { i -> sensors.indexOfFirst { channels[i].startsWith("${it}_") } }
    private val axisOf = IntArray(channels.size) { "xyz".indexOf(channels[it].last()) }
    private val row = FloatArray(channels.size)
    var missed = 0L
        private set

    /** Forget all events: the next ones may be on another clock. */
    fun clear() = lanes.forEach { it.clear() }

    /**
     * Take an event of one sensor; an event of a sensor outside the channels is ignored.
     *
     * @param sensor acc or gyro.
     * @param timeS seconds on the clock that the sensors share.
     * @param x, y and z in SI units.
     */
    fun push(
        sensor: String,
        timeS: Double,
        x: Float,
        y: Float,
        z: Float,
    ) {
        val lane = lanes.getOrNull(sensors.indexOf(sensor)) ?: return
        if (lane.newestS - timeS > RESTART_S) clear()
        if (timeS <= lane.newestS) {
            missed++
            return
        }
        if (lane.isFull) {
            missed++
            lane.drop(1)
        }
        lane.push(timeS, x, y, z)
        if (lanes.size == 1) emitNewest() else emitComplete()
    }

    private fun emitNewest() {
        val lane = lanes[0]
        for (i in row.indices) row[i] = lane.axis(0, axisOf[i])
        val timeS = lane.timeS(0)
        lane.drop(1)
        sink.take(timeS, row)
    }

    private fun emitComplete() {
        val (clock, other) = lanes
        while (clock.size > 0 && other.size > 0 && clock.timeS(0) <= other.newestS) {
            val timeS = clock.timeS(0)
            while (other.size > 1 && other.timeS(1) <= timeS) other.drop(1)
            val exact = other.timeS(0) == timeS
            val between = other.timeS(0) < timeS && other.timeS(1) - other.timeS(0) <= LONGEST_STEP_S
            if (exact || between) fill(clock, other, timeS, exact) else missed++
            clock.drop(1)
            if (exact || between) sink.take(timeS, row)
        }
    }

    private fun fill(
        clock: EventQueue,
        other: EventQueue,
        timeS: Double,
        exact: Boolean,
    ) {
        val weight = if (exact) 0.0 else (timeS - other.timeS(0)) / (other.timeS(1) - other.timeS(0))
        for (i in row.indices) {
            val axis = axisOf[i]
            if (laneOf[i] == 0) {
                row[i] = clock.axis(0, axis)
            } else {
                val left = other.axis(0, axis).toDouble()
                val right = if (exact) left else other.axis(1, axis).toDouble()
                row[i] = (left + (right - left) * weight).toFloat()
            }
        }
    }
}

/**
 * A first-in, first-out queue of three-axis events, of fixed capacity.
 *
 * @property newestS time of the newest event since [clear], whether it is still in the queue or not.
 */
private class EventQueue(
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

    /** Return the time of the i-th oldest event. */
    fun timeS(i: Int): Double = times[(head + i) % capacity]

    /** Return one axis (0, 1, 2) of the i-th oldest event. */
    fun axis(
        i: Int,
        axis: Int,
    ): Float = values[3 * ((head + i) % capacity) + axis]

    /** Remove the [n] oldest events. */
    fun drop(n: Int) {
        head = (head + n) % capacity
        size -= n
    }

    fun clear() {
        size = 0
        newestS = Double.NEGATIVE_INFINITY
    }
}
