package dev.img2imu.core

/** State of a [Decision]. */
enum class State(
    val text: String,
) {
    RECOGNISED("recognised"),

    /** No label may be given. */
    UNKNOWN("unknown"),

    /** Samples are or were missing for so long that nothing can be said. */
    GAP("gap"),

    /** Samples came again after a gap; a window of new ones is not there yet. */
    WARMING_UP("warming up"),
}

/** Time that one decision took, microseconds. */
data class Latency(
    val frontend: Double,
    val inference: Double,
    val total: Double,
)

/**
 * What the recogniser says at one moment.
 *
 * @property timeS timestamp of the newest sample, on the sensor's clock.
 * @property label the recognised class, or null in every state but recognised.
 * @property probability smoothed probability of the most probable class; 0 in a gap and while warming up.
 * @property probabilities smoothed, in the order of the contract's labels; empty in a gap and while warming up.
 * @property windowProbabilities of this window alone, not smoothed.
 * @property event whether the label begins here: it was not that of the decision before.
 * @property latencyUs what the decision cost; null in a gap and while warming up.
 */
class Decision(
    val timeS: Double,
    val state: State,
    val label: String? = null,
    val probability: Double = 0.0,
    val probabilities: DoubleArray = DoubleArray(0),
    val windowProbabilities: DoubleArray = DoubleArray(0),
    val event: Boolean = false,
    val latencyUs: Latency? = null,
) {
    /** The same with what it cost. */
    fun took(latency: Latency): Decision =
        Decision(timeS, state, label, probability, probabilities, windowProbabilities, event, latency)
}
