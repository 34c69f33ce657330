package dev.img2imu.core

/** State of a [Decision]. */
enum class State(
    val text: String,
) {
    RECOGNISED("recognised"),

    /** No class is probable enough for a label. */
    UNKNOWN("unknown"),

    /** Samples are or were missing, so that there is no whole window to judge. */
    GAP("gap"),

    /** Samples came again after a gap, and do not fill a window yet. */
    WARMING_UP("warming up"),
}

/**
 * Time that one decision took, microseconds.
 *
 * @property checks checking the window against the contract.
 * @property inference the network, with the front end inside it.
 * @property total both, and the decision itself.
 */
data class Latency(
    val checks: Double,
    val inference: Double,
    val total: Double,
)

/**
 * What the recogniser says at one moment.
 *
 * @property timeS timestamp of the newest sample, on the sensor's clock.
 * @property label the recognised class; null in every state but recognised.
 * @property probability smoothed probability of the most probable class; 0 in a gap and while warming up.
 * @property probabilities smoothed, in the order of the contract's labels; empty in a gap and while warming up.
 * @property windowProbabilities of this window alone, not smoothed.
 * @property event whether the label begins here: the decision before had another one, or none.
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
    /** Return the same decision with what it cost. */
    fun withLatency(latency: Latency): Decision =
        Decision(timeS, state, label, probability, probabilities, windowProbabilities, event, latency)
}
