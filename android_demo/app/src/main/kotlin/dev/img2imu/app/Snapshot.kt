package dev.img2imu.app

import dev.img2imu.core.State

/** What the screens show at one moment; made on the sensors' thread, read on the main one. */
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
    val frontEnd: Timing = Timing(),
    val inference: Timing = Timing(),
    val images: Images? = null,
    val taught: Map<String, Int> = emptyMap(),
    val usesTaught: Boolean = false,
    val recording: RecordingState = RecordingState(),
)

/** Of the newest decisions, microseconds; NaN before the first. */
class Timing(
    val lastUs: Double = Double.NaN,
    val p50Us: Double = Double.NaN,
    val p95Us: Double = Double.NaN,
)

/** Spectrograms as the network sees them: (n, height, width, 3) in -1..1. */
class Images(
    val pixels: FloatArray,
    val n: Int,
    val perRow: Int,
    val height: Int,
    val width: Int,
)

/** A recording in progress, or the last one. */
class RecordingState(
    val running: Boolean = false,
    val name: String? = null,
    val samples: Long = 0,
    val dropped: Long = 0,
)
