package dev.img2imu.app

import android.os.Build
import android.os.Debug
import dev.img2imu.core.BenchMachine
import dev.img2imu.core.BenchRun
import dev.img2imu.core.BenchedModel
import dev.img2imu.core.Latencies
import dev.img2imu.core.Model
import dev.img2imu.core.ModelFile
import dev.img2imu.core.UserError
import dev.img2imu.core.bench
import dev.img2imu.core.benchJson
import java.text.SimpleDateFormat
import java.util.Date
import java.util.Locale

private const val FIRST_NNAPI = Build.VERSION_CODES.O_MR1

/** One way to compute the network: the accelerator, and CPU threads. */
private class Way(
    val accelerator: Accelerator,
    val threads: Int,
)

/**
 * Measures the model on 1, 2 and 4 threads and on every accelerator of this phone, one after the other.
 *
 * @property goOn asked before each decision; false ends the measurement.
 */
class Benchmark(
    private val file: ModelFile,
    private val name: String,
    private val trials: Int,
    private val goOn: () -> Boolean,
) {
    private val ways =
        listOf(1, 2, 4).map { Way(Accelerator.CPU, it) } +
            listOfNotNull(
                Way(Accelerator.NNAPI, 1).takeIf { Build.VERSION.SDK_INT >= FIRST_NNAPI },
                Way(Accelerator.GPU, 1),
            )
    private val runs = ArrayList<BenchRun>()
    private val failures = ArrayList<String>()

    /** Measure, and call [say] with each line of the result. */
    fun run(say: (String) -> Unit) {
        for (way in ways) {
            if (!goOn()) return
            val what = "${way.accelerator}, ${way.threads} thread${if (way.threads > 1) "s" else ""}"
            try {
                val model = Model(LiteRtInterpreter(file.tflite, way.threads, way.accelerator), file.contract)
                val run = model.use { bench(file.contract, it, trials, Debug::threadCpuTimeNanos, goOn) } ?: return
                runs.add(run)
                say("$what: decision ${median(run.totalUs)}, of which network ${median(run.inferenceUs)} us")
            } catch (error: UserError) {
                failures.add("$what: ${error.message}")
                say("$what: ${error.message}")
            }
        }
    }

    /** Return the JSON document of `img2imu bench`. */
    fun json(sizeBytes: Long): String {
        val failure = failures.joinToString("; ").ifEmpty { null }
        val machine =
            BenchMachine(
                listOf(Build.MANUFACTURER, Build.MODEL, Build.HARDWARE).joinToString(" "),
                Runtime.getRuntime().availableProcessors(),
                "Android ${Build.VERSION.RELEASE} (API ${Build.VERSION.SDK_INT})",
                "android_demo",
            )
        val created = SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss", Locale.ROOT).format(Date())
        return benchJson(created, machine, listOf(BenchedModel(name, file.contract, sizeBytes, runs, failure)))
    }

    private fun median(us: DoubleArray): String = "%.0f".format(Locale.ROOT, Latencies.percentile(us, 50.0))
}
