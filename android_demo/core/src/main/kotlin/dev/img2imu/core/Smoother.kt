package dev.img2imu.core

/**
 * Averages the probabilities of the newest windows and decides on a label.
 *
 * The most probable class becomes the label when three things hold: its probability reaches its threshold,
 * `debounceDecisions` decisions in a row agree on it, and it either was the label before or `refractoryS` have passed
 * since a label last began. Otherwise the state is unknown: a label is never kept without evidence.
 *
 * @param labels class names in the order of the probabilities.
 */
class Smoother(
    private val spec: DecisionSpec,
    private val labels: List<String>,
) {
    private val newest = ArrayDeque<DoubleArray>()
    private var candidate: String? = null
    private var agreed = 0 // decisions in a row on the candidate
    private var label: String? = null
    private var eventS = Double.NEGATIVE_INFINITY

    /** Forget earlier windows. */
    fun reset() {
        newest.clear()
        candidate = null
        agreed = 0
        label = null
        eventS = Double.NEGATIVE_INFINITY
    }

    /** Return the decision that follows from the [probabilities] of the window that ends at [timeS]. */
    fun decide(
        timeS: Double,
        probabilities: DoubleArray,
    ): Decision {
        if (newest.size == spec.smoothingWindows) newest.removeFirst()
        newest.addLast(probabilities)
        val smoothed = DoubleArray(labels.size) { i -> newest.sumOf { it[i] } / newest.size }
        val best = smoothed.indices.maxBy { smoothed[it] }
        val probable = smoothed[best] >= (spec.classThresholds[labels[best]] ?: spec.threshold)
        val event = updateLabel(timeS, labels[best].takeIf { probable })
        val state = if (label == null) State.UNKNOWN else State.RECOGNISED
        return Decision(timeS, state, label, smoothed[best], smoothed, probabilities, event)
    }

    /** Set [label] from this window's candidate. Returns whether the label begins here. */
    private fun updateLabel(
        timeS: Double,
        newCandidate: String?,
    ): Boolean {
        agreed = if (newCandidate == candidate) agreed + 1 else 1
        candidate = newCandidate
        var newLabel = candidate.takeIf { agreed >= spec.debounceDecisions }
        var event = newLabel != null && newLabel != label
        if (event && timeS - eventS < spec.refractoryS) {
            newLabel = null
            event = false
        }
        if (event) eventS = timeS
        label = newLabel
        return event
    }
}
