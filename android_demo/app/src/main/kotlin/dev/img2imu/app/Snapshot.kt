package dev.img2imu.app

import dev.img2imu.core.State

/** What the screens show at one moment; made on the sensors' thread, read on the main thread. */
class Snapshot(
    val state: State? = null,
    val label: String? = null,
    val labels: List<String> = emptyList(),
    val probabilities: DoubleArray = DoubleArray(0),
    val fill: Double = 0.0,
    val rateHz: Double = Double.NaN,
    val gaps: Long = 0,
    val dropped: Long = 0,
    val missed: Long = 0,
    val network: Timing = Timing(),
    val decision: Timing = Timing(),
    val signals: Signals? = null,
    val taught: Map<String, Int> = emptyMap(),
    val usesTaught: Boolean = false,
    val recording: RecordingState = RecordingState(),
)

/** Times of the newest decisions, microseconds; NaN before the first. */
class Timing(
    val lastUs: Double = Double.NaN,
    val p50Us: Double = Double.NaN,
    val p95Us: Double = Double.NaN,
)

/** The newest window, (samples)(channels). */
class Signals(
    private val window: DoubleArray,
    val channels: List<String>,
) {
    /** Return the values of one channel. */
    fun column(column: Int): List<Float> =
        List(window.size / channels.size) { window[it * channels.size + column].toFloat() }
}

/** A recording in progress, or the last one. */
class RecordingState(
    val running: Boolean = false,
    val name: String? = null,
    val samples: Long = 0,
    val dropped: Long = 0,
)
