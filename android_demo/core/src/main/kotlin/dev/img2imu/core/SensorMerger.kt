package dev.img2imu.core

private const val LONGEST_STEP_S = 0.5 // a sensor silent for longer is not interpolated; the contract's usual maxGapS
private const val RESTART_S = 5.0 // time that runs back so far is another clock, not a late event
private const val CAPACITY = 16384 // events that wait for the other sensor: 40 s at 400 Hz, more than a FIFO holds

/** Takes merged samples; the array is valid during the call. */
fun interface SampleSink {
    fun take(
        timeS: Double,
        values: FloatArray,
    )
}

/**
 * One stream from sensors that report apart: the gyroscope on the accelerometer's times.
 *
 * The first sensor that is wanted (the accelerometer, if it is) sets the times; the other is interpolated linearly. How
 * the events of the two interleave, one by one or in batches, changes nothing. Nothing is allocated after its making.
 *
 * @param channels columns to give, in order.
 * @property sensors those that are wanted, of acc and gyro.
 * @property missed samples for which the other sensor had nothing, or that came too late.
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

    /** Begin again, on another clock maybe. */
    fun clear() = lanes.forEach { it.clear() }

    /**
     * Take an event of one sensor; of one that is not wanted, nothing happens.
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
        if (lanes.size == 1) giveOne() else giveComplete()
    }

    private fun giveOne() {
        val lane = lanes[0]
        for (i in row.indices) row[i] = lane.axis(0, axisOf[i])
        val timeS = lane.timeS(0)
        lane.drop(1)
        sink.take(timeS, row)
    }

    private fun giveComplete() {
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
