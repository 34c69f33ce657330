package dev.img2imu.core

import java.util.Locale
import kotlin.math.abs
import kotlin.math.sqrt

private const val STANDARD_GRAVITY = 9.80665 // m/s^2, CGPM 1901

// The bounds are those of edge_runtime/stream/checks.py, which gives the source of each.
private const val SENSOR_DEAD = 1e-3 // a sensor that stays below measures nothing: a real one has noise
private const val LEAST_WITH_GRAVITY = 4.0 // m/s^2
private const val IN_G = 0.5 // from here to LEAST_WITH_GRAVITY lie 4.9 to 39 m/s^2 in g
private val IN_MILLI_G = 400.0..4000.0 // raw counts lie above
private const val LEAST_STEADY = 0.5 // m/s^2; motion without gravity averages to less
private const val LEAST_STEADY_SHARE = 0.3 // of the median |acc|, for telling g from weak motion without gravity
private const val GYRO_LIMIT = 100.0 // rad/s; the widest range of a MEMS gyroscope is 70 rad/s
private const val VALUE_LIMIT = 1e6 // no motion sensor gives as much in any unit

private val REMEDIES =
    mapOf(
        "g" to "the values look like g: multiply them by $STANDARD_GRAVITY",
        "milli-g" to "the values look like thousandths of g: multiply them by ${STANDARD_GRAVITY / 1000}",
        "counts" to "the values look like a converter's raw counts: multiply them by the driver's scale",
        "dead" to "the sensor gives nothing but zeros: check that it is switched on and connected",
    )

/** Checks a stream against the contract. Each message names the value, what was expected and the remedy. */
internal class Checks(
    private val spec: StreamSpec,
    private val windowSamples: Int,
) {
    private val channels = spec.channels.size
    private val acc =
        spec.channels.indices
            .filter { spec.channels[it].startsWith("acc_") }
            .toIntArray()
    private val gyro =
        spec.channels.indices
            .filter { spec.channels[it].startsWith("gyro_") }
            .toIntArray()

    /**
     * Refuse a window in other units, with gravity where the model has none, or without where it has.
     *
     * It is meant for a stream's first window: a later one may be all free fall.
     *
     * @param samples the window, from index [from] on.
     */
    fun checkUnits(
        samples: DoubleArray,
        from: Int,
    ) {
        checkAcceleration(samples, from)
        val fastest = largest(samples, from, gyro)
        if (fastest > GYRO_LIMIT) {
            throw StreamError(
                "the gyroscope gives ${short(fastest)}, expected rad/s, at most $GYRO_LIMIT; the values look like " +
                    "degrees per second: multiply them by 0.0174533",
            )
        }
    }

    /** Refuse a window in which the accelerometer measures nothing: any label would be invented. */
    fun checkAlive(
        samples: DoubleArray,
        from: Int,
    ) {
        if (acc.isNotEmpty() && largest(samples, from, acc) < SENSOR_DEAD) {
            throw StreamError(
                "the accelerometer gave less than $SENSOR_DEAD throughout a window, expected m/s^2; " +
                    "${REMEDIES["dead"]}",
            )
        }
    }

    /** Whether a measured rate is within the contract's tolerance. */
    fun rateFits(measuredHz: Double): Boolean = abs(measuredHz / spec.rateHz - 1) <= spec.rateTolerance

    /** Refuse a stream whose measured rate is too far from the contract's. */
    fun checkRate(measuredHz: Double) {
        if (rateFits(measuredHz)) return
        throw StreamError(
            "the stream comes at ${short(measuredHz)} Hz, expected ${short(spec.rateHz)} Hz within " +
                "${Math.round(spec.rateTolerance * 100)}%: set the sensor to ${short(spec.rateHz)} Hz, or train a " +
                "model for ${Math.round(measuredHz)} Hz",
        )
    }

    /** Return what is wrong with one sample, or null. */
    fun fault(
        timeS: Double,
        values: FloatArray,
    ): String? {
        if (!timeS.isFinite()) return "a sample has the timestamp $timeS, expected seconds: check the source's clock"
        for (i in 0 until channels) {
            if (!(abs(values[i]) < VALUE_LIMIT)) { // written this way, it catches NaN too
                return "${spec.channels[i]} is ${values[i]} at $timeS s, expected less than 1e+06: check the sensor"
            }
        }
        return null
    }

    private fun largest(
        samples: DoubleArray,
        from: Int,
        columns: IntArray,
    ): Double {
        var largest = 0.0
        for (i in 0 until windowSamples) {
            for (column in columns) largest = maxOf(largest, abs(samples[from + i * channels + column]))
        }
        return largest
    }

    private fun checkAcceleration(
        samples: DoubleArray,
        from: Int,
    ) {
        val triple = spec.accTriple ?: return
        if (spec.gravity == "unknown") return
        val included = spec.gravity == "included"
        val window = List(windowSamples) { i -> DoubleArray(3) { samples[from + i * channels + triple[it]] } }
        val kind = accelerationKind(window)
        // Weak motion without gravity, with a little bias, can look like g.
        val allowed = if (included) listOf("si") else listOf("no gravity", "g")
        if (kind in allowed) return
        val expected = if (included) "about 9.81 m/s^2 with" else "m/s^2 without"
        val gravity =
            if (included) {
                "gravity seems to be removed: use the raw accelerometer, not linear acceleration"
            } else {
                "gravity is in it, but the model learnt without: use linear acceleration"
            }
        throw StreamError(
            "median |acc| over a window is ${short(median(window.map(::length)))}, expected $expected gravity; " +
                (REMEDIES[kind] ?: gravity),
        )
    }

    companion object {
        /** Return what a three-axis accelerometer's numbers look like: si, g, milli-g, counts, no gravity or dead. */
        fun accelerationKind(acc: List<DoubleArray>): String {
            val magnitudes = acc.map(::length)
            val median = median(magnitudes)
            val steady = length(DoubleArray(3) { axis -> acc.sumOf { it[axis] } / acc.size })
            return when {
                magnitudes.max() < SENSOR_DEAD -> "dead"
                median in IN_MILLI_G -> "milli-g"
                median > IN_MILLI_G.endInclusive -> "counts"
                median >= LEAST_WITH_GRAVITY -> if (steady >= LEAST_STEADY) "si" else "no gravity"
                median >= IN_G && steady >= LEAST_STEADY_SHARE * median -> "g"
                else -> "no gravity"
            }
        }

        private fun length(v: DoubleArray): Double = sqrt(v.sumOf { it * it })

        private fun median(values: List<Double>): Double {
            val sorted = values.sorted()
            return (sorted[(sorted.size - 1) / 2] + sorted[sorted.size / 2]) / 2
        }

        /** Write a number with four digits at most, for a message. */
        fun short(value: Double): String {
            val text = "%.4g".format(Locale.ROOT, value)
            return if ('.' in text && 'e' !in text) text.trimEnd('0').trimEnd('.') else text
        }
    }
}
