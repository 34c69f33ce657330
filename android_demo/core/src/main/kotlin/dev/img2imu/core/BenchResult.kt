package dev.img2imu.core

private const val BENCH_SCHEMA = 1
private val PERCENTS = listOf("p50_us" to 50.0, "p90_us" to 90.0, "p99_us" to 99.0, "max_us" to 100.0)

/**
 * Decisions that were timed one after the other, microseconds each.
 *
 * @property runtime who computed.
 * @property cpuUs processor time per decision.
 */
class BenchRun(
    val runtime: String,
    val threads: Int,
    val frontEndUs: DoubleArray,
    val inferenceUs: DoubleArray,
    val totalUs: DoubleArray,
    val cpuUs: Double,
)

/** A model, as it was measured; [failure] says why a run is missing. */
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
 * The JSON document of `img2imu bench`, so that a phone's result stands beside a computer's
 * (`img2imu bench --compare`).
 *
 * Every accelerator is a model of its own there, since the format has one runtime a model. Python's and numpy's
 * versions are named as missing, and what a phone does not tell of its clock and temperature is null.
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
            "models" to models.flatMap(::perRuntime),
        ),
    )

private val UNKNOWN_STATE =
    listOf(
        "governor",
        "clock_mhz",
        "max_clock_mhz",
        "temperature_c",
        "throttled_now",
        "throttled_before",
        "load",
    ).associateWith { null }

private fun perRuntime(model: BenchedModel): List<Map<String, Any?>> {
    val byRuntime = model.runs.groupBy { it.runtime }
    return if (byRuntime.isEmpty()) {
        listOf(entry(model, "", emptyList()))
    } else {
        byRuntime.map { (name, runs) ->
            entry(model, name, runs)
        }
    }
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
    val rest = DoubleArray(run.totalUs.size) { maxOf(run.totalUs[it] - run.frontEndUs[it] - run.inferenceUs[it], 0.0) }
    return mapOf(
        "threads" to run.threads,
        "decisions" to run.totalUs.size,
        "late" to run.totalUs.count { it > hopS * 1e6 },
        "front_end" to percentiles(run.frontEndUs),
        "inference" to percentiles(run.inferenceUs),
        "rest" to percentiles(rest),
        "total" to percentiles(run.totalUs),
        "cpu_us" to run.cpuUs,
    )
}

private fun percentiles(us: DoubleArray): Map<String, Double> =
    PERCENTS.associate { (name, percent) -> name to Latencies.percentile(us, percent) }
