package dev.img2imu.core

import kotlin.math.PI
import kotlin.math.abs
import kotlin.math.cos
import kotlin.math.sin

private val PACES = listOf(0.85, 1.15) // the same motion more slowly and faster
private val GAINS = listOf(0.7f, 1.4f) // more gently and more vigorously
private const val TILT_DEG = 15.0 // the sensor turned about each of its axes

/**
 * Return copies of a window that show the same motion at another pace or gain, or with the sensor tilted.
 *
 * `img2imu/nuisances.py` is the reference.
 *
 * @param window samples one after another, all channels of each.
 */
fun nuisanceCopies(
    window: DoubleArray,
    channels: List<String>,
): List<DoubleArray> {
    val sensors =
        UNITS.keys
            .map { sensor -> listOf("x", "y", "z").map { channels.indexOf("${sensor}_$it") } }
            .filter { columns -> -1 !in columns }
    return PACES.map { atPace(window, channels.size, it) } +
        GAINS.map { amplified(window, channels.size, it) } +
        if (sensors.isEmpty()) emptyList() else (0..2).map { tilted(window, channels.size, sensors, it) }
}

/** Change the pace. Amplitudes and the middle of the window stay; missing samples at the ends are mirrored. */
private fun atPace(
    window: DoubleArray,
    channels: Int,
    pace: Double,
): DoubleArray {
    val n = window.size / channels
    val middle = (n - 1) / 2.0
    return DoubleArray(window.size) { at ->
        val mirrored = abs((at / channels - middle) * pace + middle)
        val position = (n - 1) - abs(n - 1 - mirrored)
        val before = position.toInt().coerceIn(0, n - 2)
        val share = position - before
        val from = before * channels + at % channels
        window[from] * (1 - share) + window[from + channels] * share
    }
}

/** Change the gain. The window's mean, and so gravity, stays as it is. */
private fun amplified(
    window: DoubleArray,
    channels: Int,
    gain: Float,
): DoubleArray {
    val n = window.size / channels
    val mean = DoubleArray(channels) { c -> (0 until n).sumOf { window[it * channels + c] } / n }
    return DoubleArray(window.size) { mean[it % channels] + (window[it] - mean[it % channels]) * gain }
}

/** Turn all sensors together, since they sit on one board. */
private fun tilted(
    window: DoubleArray,
    channels: Int,
    sensors: List<List<Int>>,
    axis: Int,
): DoubleArray {
    val c = cos(TILT_DEG * PI / 180)
    val s = sin(TILT_DEG * PI / 180)
    val turned = window.copyOf()
    for (from in window.indices step channels) {
        for (sensor in sensors) {
            val i = from + sensor[(axis + 1) % 3]
            val j = from + sensor[(axis + 2) % 3]
            turned[i] = c * window[i] - s * window[j]
            turned[j] = s * window[i] + c * window[j]
        }
    }
    return turned
}
