package dev.img2imu.core

import java.util.Random

private const val WARM_UP_DECISIONS = 20

/**
 * Time [trials] decisions on made motion, one after the other without a pause.
 *
 * @param cpuNs processor time of this thread so far.
 * @param goOn asked before each decision; false ends it early.
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
    val made = MadeMotion(contract.stream)
    val latencies = ArrayList<Latency>()
    val totals = ArrayList<Double>()
    var startedCpuNs = 0L
    repeat(contract.windowSamples - contract.hopSamples) { recognizer.push(made.timeS, made.next()) }
    for (decision in 0 until WARM_UP_DECISIONS + trials) {
        if (!goOn()) break
        if (decision == WARM_UP_DECISIONS) startedCpuNs = cpuNs()
        newest = null
        val started = System.nanoTime()
        while (newest == null) recognizer.push(made.timeS, made.next())
        val took = (System.nanoTime() - started) / 1e3
        if (decision >= WARM_UP_DECISIONS) {
            latencies.add(checkNotNull(newest))
            totals.add(took)
        }
    }
    if (totals.isEmpty()) return null
    return BenchRun(
        model.interpreter.runtime,
        model.interpreter.threads,
        DoubleArray(totals.size) { latencies[it].frontend },
        DoubleArray(totals.size) { latencies[it].inference },
        totals.toDoubleArray(),
        (cpuNs() - startedCpuNs) / 1e3 / totals.size,
    )
}

/** Samples as of a sensor that lies flat and is shaken a little; the time of a decision does not depend on them. */
private class MadeMotion(
    private val stream: StreamSpec,
) {
    private val random = Random(0)
    private val gravity = stream.channels.indexOf("acc_z").takeIf { stream.gravity == "included" } ?: -1
    private var index = 0

    /** Of the next sample. */
    val timeS: Double get() = index / stream.rateHz

    fun next(): FloatArray {
        index++
        return FloatArray(stream.channels.size) { (random.nextGaussian() + if (it == gravity) 9.81 else 0.0).toFloat() }
    }
}
