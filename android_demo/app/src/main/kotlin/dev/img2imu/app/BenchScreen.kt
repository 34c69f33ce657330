package dev.img2imu.app

import android.app.Activity
import android.view.View
import android.widget.Button
import android.widget.EditText
import android.widget.TextView
import dev.img2imu.core.UserError
import java.io.File
import java.io.IOException

private const val RESULT = "bench.json"
private const val MOST_TRIALS = 5000

/** Times a number of decisions on every accelerator; the result is shared as JSON. */
class BenchScreen(
    private val activity: Activity,
) : Screen {
    override val root: View = activity.findViewById(R.id.bench)
    private val trials: EditText = activity.findViewById(R.id.bench_trials)
    private val button: Button = activity.findViewById(R.id.bench_run)
    private val result: TextView = activity.findViewById(R.id.bench_result)
    private val share: Button = activity.findViewById(R.id.bench_share)
    private var running = false

    @Volatile private var cancelled = false

    init {
        button.setOnClickListener { if (running) cancelled = true else begin() }
        share.setOnClickListener { activity.startActivity(SharedFiles.sending(file())) }
    }

    override fun show(
        snapshot: Snapshot,
        running: Boolean,
    ) {
        button.setText(if (this.running) R.string.bench_cancel else R.string.bench_run)
        button.isEnabled = this.running || !running // a live stream would be measured too
        share.isEnabled = !this.running && file().exists()
        if (running && result.text.isEmpty()) result.text = "Stop recognition first: it would be measured too."
    }

    /** End the measurement: the activity is destroyed. */
    fun cancel() {
        cancelled = true
    }

    private fun begin() {
        val count = trials.text.toString().toIntOrNull()
        if (count == null || count !in 1..MOST_TRIALS) {
            result.text = "The number of trials is '${trials.text}', expected 1 to $MOST_TRIALS: change it."
            return
        }
        running = true
        cancelled = false
        result.text = ""
        show(Snapshot(), false)
        Thread({ measure(count) }, "bench").start()
    }

    private fun measure(count: Int) {
        try {
            val store = ModelStore(activity)
            val model = store.read()
            val benchmark = Benchmark(model, store.name, count) { !cancelled }
            benchmark.run(::say)
            if (!cancelled) file().writeText(benchmark.json(model.tflite.size.toLong()))
        } catch (error: UserError) {
            say(error.message.orEmpty())
        } catch (error: IOException) {
            say("the result cannot be kept (${error.message}): free some storage")
        }
        activity.runOnUiThread {
            running = false
            show(Snapshot(), false)
        }
    }

    private fun say(line: String) = activity.runOnUiThread { result.append(line + "\n") }

    private fun file(): File = File(SharedFiles.directory(activity), RESULT)
}
