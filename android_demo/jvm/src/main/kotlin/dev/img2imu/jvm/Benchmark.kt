package dev.img2imu.jvm

import dev.img2imu.core.BenchRun
import dev.img2imu.core.Container
import dev.img2imu.core.Latencies
import dev.img2imu.core.Model
import dev.img2imu.core.bench
import java.io.File
import java.lang.management.ManagementFactory
import java.util.Locale

private const val ROUNDS = 40
private const val WARM_UP_ROUNDS = 10
private const val TRIALS = 50 // decisions of one model before the next has its turn

/**
 * `benchmark LIBRARY MODEL...`: time a decision of each model on one thread, from a hop's samples to the label.
 *
 * The models take turns, so that whatever else the machine does affects all of them alike.
 */
fun main(arguments: Array<String>) {
    val library = arguments[0]
    val benchmarks = arguments.drop(1).map { Benchmark(library, File(it)) }
    repeat(WARM_UP_ROUNDS) { benchmarks.forEach { it.measure() } }
    benchmarks.forEach { it.runs.clear() }
    repeat(ROUNDS) { benchmarks.forEach { it.measure() } }
    benchmarks.forEach { println(it.summary()) }
}

private class Benchmark(
    library: String,
    private val path: File,
) {
    private val file = Container.read(path.readBytes(), path.name)
    private val model = Model(LiteRtInterpreter(library, file.tflite), file.contract)
    private val cpu = ManagementFactory.getThreadMXBean()
    val runs = ArrayList<BenchRun>()

    fun measure() {
        runs.add(checkNotNull(bench(file.contract, model, TRIALS, cpu::getCurrentThreadCpuTime)))
    }

    fun summary(): String =
        "$path: decision ${percentiles { it.totalUs }}, of which network ${percentiles { it.inferenceUs }}"

    private fun percentiles(us: (BenchRun) -> DoubleArray): String {
        val all = runs.flatMap { us(it).asList() }.toDoubleArray()
        val (median, high) = listOf(50.0, 90.0).map { Latencies.percentile(all, it) }
        return "%.0f us (p90 %.0f)".format(Locale.ROOT, median, high)
    }
}
