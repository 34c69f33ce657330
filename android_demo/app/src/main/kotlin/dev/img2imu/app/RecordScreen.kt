package dev.img2imu.app

import android.app.Activity
import android.view.View
import android.widget.Button
import android.widget.EditText
import android.widget.TextView
import java.io.File

/** Records the sensors to a CSV file in the toolkit's format, and shares it. */
class RecordScreen(
    private val activity: Activity,
    private val act: ((Session) -> Unit) -> Unit,
) : Screen {
    override val root: View = activity.findViewById(R.id.record)
    private val name: EditText = activity.findViewById(R.id.record_name)
    private val button: Button = activity.findViewById(R.id.record_begin_end)
    private val state: TextView = activity.findViewById(R.id.record_state)
    private val share: Button = activity.findViewById(R.id.record_share)
    private var running = false

    init {
        button.setOnClickListener {
            val directory = SharedFiles.directory(activity)
            val file = fileName(name.text.toString())
            val end = running
            act { if (end) it.endRecording() else it.beginRecording(directory, file) }
        }
        share.setOnClickListener {
            lastRecording()?.let { activity.startActivity(SharedFiles.sending(it)) }
        }
    }

    override fun show(
        snapshot: Snapshot,
        running: Boolean,
    ) {
        val recording = snapshot.recording
        this.running = recording.running
        button.isEnabled = running
        button.setText(if (recording.running) R.string.record_end else R.string.record_begin)
        share.isEnabled = !recording.running && lastRecording() != null
        state.text =
            recording.name?.let { "$it: ${recording.samples} samples, ${recording.dropped} left out" }.orEmpty()
    }

    private fun lastRecording(): File? =
        SharedFiles
            .directory(activity)
            .listFiles()
            .orEmpty()
            .filter { it.name.endsWith(".csv") }
            .maxByOrNull { it.lastModified() }

    private fun fileName(text: String): String =
        text.filter { it.isLetterOrDigit() || it in " -_" }.trim().ifEmpty { "recording" }
}
