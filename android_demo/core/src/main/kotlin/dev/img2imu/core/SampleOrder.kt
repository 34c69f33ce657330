package dev.img2imu.core

private const val RESTART_S = 5.0 // time that runs back this far at once is another clock, not a late sample

/** What to do with a sample. */
enum class Turn { USE, DROP, RESTART }

/**
 * Drops and counts samples that are late or come twice.
 *
 * A clock that goes back by more than 5 s, or so that more than [longestRun] samples in a row would have to be dropped,
 * was set back or restarted, and time begins again. This is `SampleOrder` of edge_runtime with `hold_s` 0.
 */
internal class SampleOrder(
    private val longestRun: Int,
    private val counts: StreamCounts,
) {
    private var newestS = Double.NEGATIVE_INFINITY
    private var dropped = 0 // in a row

    /** Forget the stream so far. */
    fun reset() {
        newestS = Double.NEGATIVE_INFINITY
        dropped = 0
    }

    /** Count a sample of this time, and return what to do with it. */
    fun place(timeS: Double): Turn {
        val stuck = timeS <= newestS && dropped >= longestRun
        val restart = stuck || newestS - timeS > RESTART_S
        if (!restart && timeS <= newestS) {
            dropped++
            if (timeS == newestS) counts.duplicate++ else counts.late++
            return Turn.DROP
        }
        newestS = timeS
        dropped = 0
        return if (restart) Turn.RESTART else Turn.USE
    }
}
