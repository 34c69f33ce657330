package dev.img2imu.app

import android.app.Activity
import android.view.View
import android.widget.TextView
import dev.img2imu.core.State
import java.util.Locale

private const val BAR_CHARACTERS = 20

/** Shows the label with its probabilities, the signals, the time that a decision takes, and the sensors' rate. */
class LiveScreen(
    activity: Activity,
) : Screen {
    override val root: View = activity.findViewById(R.id.live)
    private val label: TextView = activity.findViewById(R.id.label)
    private val probabilities: TextView = activity.findViewById(R.id.probabilities)
    private val signals: SignalView = activity.findViewById(R.id.signals)
    private val figures: TextView = activity.findViewById(R.id.figures)

    override fun show(
        snapshot: Snapshot,
        running: Boolean,
    ) {
        label.text = headline(snapshot, running)
        probabilities.text =
            snapshot.probabilities.indices.joinToString("\n") {
                bar(snapshot.labels[it], snapshot.probabilities[it])
            }
        signals.show(snapshot.signals)
        figures.text = if (running) figures(snapshot) else ""
    }

    private fun figures(s: Snapshot): String =
        listOf(
            "               last     p50     p95",
            "network    ${us(s.network.lastUs)} ${us(s.network.p50Us)} ${us(s.network.p95Us)} us",
            "decision   ${us(s.decision.lastUs)} ${us(s.decision.p50Us)} ${us(s.decision.p95Us)} us",
            "sensors    ${if (s.rateHz.isNaN()) "-" else "%.1f".format(Locale.ROOT, s.rateHz)} Hz, ${s.gaps} gaps, " +
                "${s.dropped + s.missed} dropped",
        ).joinToString("\n")

    private fun us(value: Double): String = (if (value.isNaN()) "-" else "%.0f".format(Locale.ROOT, value)).padStart(7)

    companion object {
        /** Return the text in large letters: a label only if one was recognised. */
        fun headline(
            snapshot: Snapshot,
            running: Boolean,
        ): String =
            when {
                !running -> "stopped"
                snapshot.state == State.RECOGNISED -> snapshot.label.orEmpty()
                snapshot.state == State.UNKNOWN -> State.UNKNOWN.text
                snapshot.state == State.GAP -> "no samples"
                else -> "warming up, ${(snapshot.fill * 100).toInt()} %"
            }

        private fun bar(
            label: String,
            probability: Double,
        ): String {
            val filled = (probability * BAR_CHARACTERS).toInt()
            val percent = "%3.0f %%".format(Locale.ROOT, probability * 100)
            return "█".repeat(filled) + "░".repeat(BAR_CHARACTERS - filled) + " $percent $label"
        }
    }
}
