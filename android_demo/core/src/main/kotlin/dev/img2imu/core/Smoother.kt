package dev.img2imu.core

/**
 * Mean of the newest windows' probabilities, a threshold, and how a label begins.
 *
 * The most probable class becomes the label when its probability reaches its threshold, when `debounceDecisions`
 * decisions in a row agree on it, and, unless it was the label before, when `refractoryS` have passed since a label
 * last began. Otherwise the state is unknown: a label is never kept without evidence.
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

    /** Take the [probabilities] of the window that ends at [timeS]; give the decision. */
    fun decide(
        timeS: Double,
        probabilities: DoubleArray,
    ): Decision {
        if (newest.size == spec.smoothingWindows) newest.removeFirst()
        newest.addLast(probabilities)
        val smoothed = DoubleArray(labels.size) { i -> newest.sumOf { it[i] } / newest.size }
        val best = smoothed.indices.maxBy { smoothed[it] }
        val probable = smoothed[best] >= (spec.classThresholds[labels[best]] ?: spec.threshold)
        val event = begin(timeS, labels[best].takeIf { probable })
        val state = if (label == null) State.UNKNOWN else State.RECOGNISED
        return Decision(timeS, state, label, smoothed[best], smoothed, probabilities, event)
    }

    /** Settle the label that is given; whether it begins now. */
    private fun begin(
        timeS: Double,
        now: String?,
    ): Boolean {
        agreed = if (now == candidate) agreed + 1 else 1
        candidate = now
        var given = now.takeIf { agreed >= spec.debounceDecisions }
        var event = given != null && given != label
        if (event && timeS - eventS < spec.refractoryS) {
            given = null
            event = false
        }
        if (event) eventS = timeS
        label = given
        return event
    }
}
