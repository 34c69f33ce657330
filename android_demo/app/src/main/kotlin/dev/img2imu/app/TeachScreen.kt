package dev.img2imu.app

import android.app.Activity
import android.view.View
import android.widget.Button
import android.widget.EditText
import android.widget.Switch
import android.widget.TextView

/** Teaches motions from the newest window; [act] runs an action on the session. */
class TeachScreen(
    activity: Activity,
    private val act: ((Session) -> Unit) -> Unit,
) : Screen {
    override val root: View = activity.findViewById(R.id.teach)
    private val labelNow: TextView = activity.findViewById(R.id.teach_label_now)
    private val name: EditText = activity.findViewById(R.id.teach_name)
    private val use: Switch = activity.findViewById(R.id.teach_use)
    private val counts: TextView = activity.findViewById(R.id.teach_counts)
    private val buttons =
        listOf(R.id.teach_add, R.id.teach_undo, R.id.teach_clear).map {
            activity.findViewById<Button>(it)
        }

    init {
        val (add, undo, clear) = buttons
        add.setOnClickListener {
            val label = name.text.toString().trim()
            act { it.teach(label) }
        }
        undo.setOnClickListener { act(Session::undoTeaching) }
        clear.setOnClickListener { act(Session::clearTeaching) }
        use.setOnClickListener {
            val useTaught = use.isChecked
            act { it.useTaught(useTaught) }
        }
    }

    override fun show(
        snapshot: Snapshot,
        running: Boolean,
    ) {
        buttons.forEach { it.isEnabled = running }
        use.isEnabled = running
        use.isChecked = snapshot.usesTaught
        labelNow.text = LiveScreen.headline(snapshot, running)
        counts.text =
            if (snapshot.taught.isEmpty()) {
                "Nothing is taught. Press Start, do a motion for a whole window, give it a name and press Learn; " +
                    "then teach another one."
            } else {
                snapshot.taught.entries.joinToString("\n") { (label, windows) -> "$label: $windows" }
            }
    }
}
