package dev.img2imu.app

import android.hardware.Sensor
import android.hardware.SensorEvent
import android.hardware.SensorEventListener
import android.hardware.SensorManager
import android.os.Handler
import dev.img2imu.core.StreamError
import dev.img2imu.core.StreamSpec

private const val FASTEST_WITHOUT_PERMISSION_HZ = 200.0 // Android 12 and later
private const val TOLERANCE = 0.1 // as the contract's usual rate_tolerance

/** Receives events: acc or gyro, seconds on the sensors' clock (since the phone was started), SI units. */
fun interface EventSink {
    fun take(
        sensor: String,
        timeS: Double,
        x: Float,
        y: Float,
        z: Float,
    )
}

/**
 * The phone's accelerometer and gyroscope at a model's rate; events come on the thread of [handler].
 *
 * The app asks for the contract's rate and allows batches, which save power while the screen is off. It takes the
 * accelerometer with gravity or without, as the model was trained.
 */
class MotionSensors(
    private val manager: SensorManager,
    private val handler: Handler,
    private val sink: EventSink,
) : SensorEventListener {
    /**
     * Start the sensors, or start them again with another batch length.
     *
     * @param stream of the model.
     * @param sensors acc or gyro or both.
     * @param batchUs how long events may wait in the sensors' own memory, microseconds; 0 for no batches.
     * @throws StreamError a sensor is missing or too slow, or the system refuses the rate.
     */
    fun start(
        stream: StreamSpec,
        sensors: List<String>,
        batchUs: Int,
    ) {
        stop()
        val periodUs = (1e6 / stream.rateHz).toInt()
        try {
            for (name in sensors) register(find(name, stream), name, stream, periodUs, batchUs)
        } catch (error: SecurityException) {
            stop()
            throw StreamError(
                "the system does not allow ${stream.rateHz} samples a second (${error.message}): allow it in the " +
                    "app's settings, or take a model for at most $FASTEST_WITHOUT_PERMISSION_HZ Hz",
            )
        } catch (error: StreamError) {
            stop()
            throw error
        }
    }

    /** Stop the sensors. */
    fun stop() = manager.unregisterListener(this)

    override fun onSensorChanged(event: SensorEvent) {
        val sensor = if (event.sensor.type == Sensor.TYPE_GYROSCOPE) "gyro" else "acc"
        sink.take(sensor, event.timestamp / 1e9, event.values[0], event.values[1], event.values[2])
    }

    override fun onAccuracyChanged(
        sensor: Sensor?,
        accuracy: Int,
    ) = Unit

    private fun find(
        name: String,
        stream: StreamSpec,
    ): Sensor {
        val type =
            when {
                name == "gyro" -> Sensor.TYPE_GYROSCOPE
                stream.gravity == "removed" -> Sensor.TYPE_LINEAR_ACCELERATION
                else -> Sensor.TYPE_ACCELEROMETER
            }
        return manager.getDefaultSensor(type) ?: throw StreamError(
            "this phone has no ${sentenceName(name)}, and the model needs ${stream.channels.joinToString()}: open a " +
                "model without it",
        )
    }

    private fun register(
        sensor: Sensor,
        name: String,
        stream: StreamSpec,
        periodUs: Int,
        batchUs: Int,
    ) {
        val slowest = stream.rateHz * (1 - TOLERANCE)
        if (sensor.minDelay > 0 && 1e6 / sensor.minDelay < slowest) {
            throw StreamError(
                "the ${sentenceName(name)} gives at most ${(1e6 / sensor.minDelay).toInt()} samples a second, " +
                    "expected ${stream.rateHz}: open a model for a lower rate",
            )
        }
        if (!manager.registerListener(this, sensor, periodUs, batchUs, handler)) {
            throw StreamError("the ${sentenceName(name)} does not start: start the phone again")
        }
    }

    private fun sentenceName(name: String): String = if (name == "gyro") "gyroscope" else "accelerometer"
}
