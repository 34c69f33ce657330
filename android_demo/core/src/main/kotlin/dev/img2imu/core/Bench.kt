package dev.img2imu.core

import java.util.Random

private const val WARM_UP_DECISIONS = 20
private const val BENCH_SCHEMA = 1
private val PERCENTS = listOf("p50_us" to 50.0, "p90_us" to 90.0, "p99_us" to 99.0, "max_us" to 100.0)

/**
 * Decisions that were timed one after the other, microseconds each.
 *
 * @property runtime name of the runtime, and of what it computes on.
 * @property cpuUs processor time per decision.
 */
class BenchRun(
    val runtime: String,
    val threads: Int,
    val checksUs: DoubleArray,
    val inferenceUs: DoubleArray,
    val totalUs: DoubleArray,
    val cpuUs: Double,
)

/** A model with its measurements; [failure] says why a run is missing. */
class BenchedModel(
    val file: String,
    val contract: Contract,
    val sizeBytes: Long,
    val runs: List<BenchRun>,
    val failure: String? = null,
)

/** Where it was measured. */
class BenchMachine(
    val cpu: String,
    val cores: Int,
    val system: String,
    val app: String,
)

/**
 * Time [trials] decisions on made motion, one after the other without a pause.
 *
 * @param cpuNs returns the processor time of this thread so far.
 * @param goOn asked before each decision; false ends the measurement early.
 * @return null when it was ended before the first decision.
 */
fun bench(
    contract: Contract,
    model: Model,
    trials: Int,
    cpuNs: () -> Long,
    goOn: () -> Boolean = { true },
): BenchRun? {
    var newest: Latency? = null
    val recognizer = Recognizer(contract, model) { newest = it.latencyUs }
    val motion = MadeMotion(contract.stream)
    val latencies = ArrayList<Latency>()
    val totals = ArrayList<Double>()
    var startedCpuNs = 0L
    repeat(contract.windowSamples - contract.hopSamples) { recognizer.push(motion.timeS, motion.next()) }
    for (decision in 0 until WARM_UP_DECISIONS + trials) {
        if (!goOn()) break
        if (decision == WARM_UP_DECISIONS) startedCpuNs = cpuNs()
        newest = null
        val startedNs = System.nanoTime()
        while (newest == null) recognizer.push(motion.timeS, motion.next())
        val tookUs = (System.nanoTime() - startedNs) / 1e3
        if (decision >= WARM_UP_DECISIONS) {
            latencies.add(checkNotNull(newest))
            totals.add(tookUs)
        }
    }
    if (totals.isEmpty()) return null
    return BenchRun(
        runtime = model.interpreter.runtime,
        threads = model.interpreter.threads,
        checksUs = DoubleArray(totals.size) { latencies[it].checks },
        inferenceUs = DoubleArray(totals.size) { latencies[it].inference },
        totalUs = totals.toDoubleArray(),
        cpuUs = (cpuNs() - startedCpuNs) / 1e3 / totals.size,
    )
}

/** Samples of a sensor that lies flat and is shaken a little; the time of a decision does not depend on the values. */
private class MadeMotion(
    private val stream: StreamSpec,
) {
    private val random = Random(0)
    private val gravity = stream.channels.indexOf("acc_z").takeIf { stream.gravity == "included" } ?: -1
    private var index = 0

    /** Time of the next sample, seconds. */
    val timeS: Double get() = index / stream.rateHz

    fun next(): FloatArray {
        index++
        return FloatArray(stream.channels.size) { (random.nextGaussian() + if (it == gravity) 9.81 else 0.0).toFloat() }
    }
}

/**
 * Return the JSON document of `img2imu bench`, so that `img2imu bench --compare` can compare a phone and a computer.
 *
 * The format has one runtime per model, so each accelerator is a model of its own. A phone has neither Python nor
 * numpy, and does not tell its clock and temperature, which are null.
 */
fun benchJson(
    created: String,
    machine: BenchMachine,
    models: List<BenchedModel>,
): String =
    JsonWriter.write(
        mapOf(
            "schema" to BENCH_SCHEMA,
            "created" to created,
            "machine" to
                mapOf(
                    "cpu" to machine.cpu,
                    "cores" to machine.cores,
                    "system" to machine.system,
                    "python" to "none (Kotlin)",
                    "numpy" to "none (Kotlin)",
                    "img2imu" to machine.app,
                ),
            "before" to UNKNOWN_STATE,
            "after" to UNKNOWN_STATE,
            "models" to models.flatMap(::entries),
        ),
    )

private val UNKNOWN_STATE =
    "governor clock_mhz max_clock_mhz temperature_c throttled_now throttled_before load"
        .split(" ")
        .associateWith { null }

private fun entries(model: BenchedModel): List<Map<String, Any?>> {
    if (model.runs.isEmpty()) return listOf(entry(model, "", emptyList()))
    return model.runs.groupBy { it.runtime }.map { (runtime, runs) -> entry(model, runtime, runs) }
}

private fun entry(
    model: BenchedModel,
    runtime: String,
    runs: List<BenchRun>,
): Map<String, Any?> =
    mapOf(
        "file" to model.file,
        "name" to model.contract.name,
        "channels" to model.contract.stream.channels.size,
        "rate_hz" to model.contract.stream.rateHz,
        "hop_s" to model.contract.hopS,
        "size_bytes" to model.sizeBytes,
        "runtime" to runtime,
        "starts" to emptyList<Any>(),
        "speeds" to runs.map { speed(it, model.contract.hopS) },
        "live" to null,
        "memory" to null,
        "failure" to model.failure,
    )

private fun speed(
    run: BenchRun,
    hopS: Double,
): Map<String, Any?> {
    val rest = DoubleArray(run.totalUs.size) { maxOf(run.totalUs[it] - run.checksUs[it] - run.inferenceUs[it], 0.0) }
    return mapOf(
        "threads" to run.threads,
        "decisions" to run.totalUs.size,
        "late" to run.totalUs.count { it > hopS * 1e6 },
        "front_end" to percentiles(run.checksUs), // as edge_runtime counts it: what comes before the network
        "inference" to percentiles(run.inferenceUs),
        "rest" to percentiles(rest),
        "total" to percentiles(run.totalUs),
        "cpu_us" to run.cpuUs,
    )
}

private fun percentiles(us: DoubleArray): Map<String, Double> =
    PERCENTS.associate { (name, percent) -> name to Latencies.percentile(us, percent) }
