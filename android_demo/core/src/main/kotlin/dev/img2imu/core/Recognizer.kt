package dev.img2imu.core

import kotlin.math.ceil

private const val MAX_GAPS_WITHOUT_A_WINDOW = 10 // this many in a row are not gaps but a stream far too slow

/** Receives decisions as they are made. */
fun interface DecisionSink {
    fun take(decision: Decision)
}

/**
 * Recognises motions in a stream of samples.
 *
 * Once a window is full, a decision is made every `hopSamples`. Samples that are late or come twice are dropped and
 * counted. After a pause longer than `maxGapS`, or a clock set back, the window fills again from empty. Memory is
 * bounded, and a sample that completes no decision allocates none.
 *
 * @property counts what became of every sample since the recogniser was made.
 */
class Recognizer(
    val contract: Contract,
    val model: Model,
    private val sink: DecisionSink,
) {
    private val stream = contract.stream
    private val n = contract.windowSamples
    val counts = StreamCounts()
    private val checks = Checks(stream, n)
    private val order = SampleOrder(ceil(stream.maxGapS * stream.rateHz).toInt(), counts)
    private val resampler = LinearResampler(stream.rateHz, stream.channels.size, counts, ::takeGridSample)
    private val samples = RingBuffer(n, stream.channels.size)
    private val receivedRow = DoubleArray(1)
    private val received = RingBuffer(n, 1)
    private var smoother = Smoother(contract.decision, contract.labels)
    private var taught: Taught? = null
    private var gaps = 0 // since the last whole window
    private var silent = false // whether a silence was announced and no sample has come since
    private var due = n.toLong() // grid samples at which the next decision is made
    private var first = true // whether the next window has none before it

    /** How full the window is, 0 to 1; below 1 the recogniser is warming up. */
    val fill: Double get() = samples.size.toDouble() / n

    /** The sensor's rate over the window, samples per second; NaN until the window is full. */
    val measuredHz: Double
        get() {
            if (received.size < n) return Double.NaN
            val from = received.newest(n)
            return (received.store[from + n - 1] - received.store[from]) / (n - 1) * stream.rateHz
        }

    /** Class names in the order of a decision's probabilities. */
    val labels: List<String> get() = taught?.labels ?: contract.labels

    /** A copy of the newest window, or null while it is not full. */
    val window: DoubleArray?
        get() {
            if (samples.size < n) return null
            val from = samples.newest(n)
            return samples.store.copyOfRange(from, from + n * stream.channels.size)
        }

    /** Decide by what was taught on the phone from now on; null goes back to the model's own labels. */
    fun teach(taught: Taught?) {
        this.taught = taught
        val spec = if (taught == null) contract.decision else contract.decision.copy(classThresholds = emptyMap())
        smoother = Smoother(spec, labels)
    }

    /** Forget the stream so far: the next sample may have any timestamp, and a window must fill up again. */
    fun reset() {
        gaps = 0
        silent = false
        order.reset()
        restart()
    }

    /**
     * Take a sample, and give the sink the decisions that it completes.
     *
     * @param timeS seconds on the sensor's clock.
     * @param values in SI units, in the order of `contract.stream.channels`.
     * @throws StreamError the stream breaks the contract (rate, units, NaN); the stream so far is forgotten.
     */
    fun push(
        timeS: Double,
        values: FloatArray,
    ) {
        counts.received++
        try {
            checks.fault(timeS, values)?.let { throw StreamError(it) }
            when (order.place(timeS)) {
                Turn.DROP -> return
                Turn.RESTART -> gap(timeS, 0.0)
                Turn.USE -> Unit
            }
            val step = timeS - resampler.lastTimeS // NaN at the start
            if (step > stream.maxGapS) gap(timeS, step)
            if (silent && fill < 1) sink.take(Decision(timeS, State.WARMING_UP))
            silent = false
            counts.used++
            resampler.push(timeS, values)
        } catch (error: StreamError) {
            reset()
            counts.refused = counts.received - counts.used - counts.late - counts.duplicate
            throw error
        }
    }

    /**
     * Say that no sample has come for longer than allowed. The sink is given the gap once, so that no old label stays.
     *
     * The window is kept: samples that were only under way continue where it ended. The sensors' clock goes on
     * meanwhile, so that a real pause shows in the timestamps of the samples that come next.
     */
    fun silent() {
        if (silent || resampler.lastTimeS.isNaN()) return
        silent = true
        sink.take(Decision(resampler.lastTimeS, State.GAP))
    }

    private fun gap(
        timeS: Double,
        gapS: Double,
    ) {
        gaps++
        counts.gaps++
        if (gaps >= MAX_GAPS_WITHOUT_A_WINDOW) {
            val last = if (gapS > 0) "of ${Checks.short(gapS)} s" else "a clock that stood still or was set back"
            throw StreamError(
                "$gaps pauses longer than ${Checks.short(stream.maxGapS)} s came before a window was full (the last " +
                    "$last), expected samples at ${Checks.short(stream.rateHz)} Hz: raise the sensor's rate",
            )
        }
        restart()
        if (!silent) sink.take(Decision(timeS, State.GAP)) // a silence has announced it already
        silent = false
        sink.take(Decision(timeS, State.WARMING_UP))
    }

    private fun restart() {
        resampler.reset()
        samples.clear()
        received.clear()
        forgetWindows()
        due = n.toLong()
    }

    private fun forgetWindows() {
        smoother.reset()
        first = true
    }

    private fun takeGridSample(
        timeS: Double,
        sample: DoubleArray,
        receivedSamples: Double,
    ) {
        samples.push(sample)
        receivedRow[0] = receivedSamples
        received.push(receivedRow)
        if (samples.total == due) {
            sink.take(decide(timeS))
            due += contract.hopSamples
        }
    }

    private fun decide(timeS: Double): Decision {
        val startedNs = System.nanoTime()
        if (hasHoles()) {
            forgetWindows()
            return Decision(timeS, State.GAP)
        }
        val from = samples.newest(n)
        if (first) checks.checkUnits(samples.store, from) else checks.checkAlive(samples.store, from)
        gaps = 0
        first = false
        val checkedNs = System.nanoTime()
        model.infer(samples.store, from)
        val inferredNs = System.nanoTime()
        val decision = smoother.decide(timeS, taught?.head?.probabilities(model.embedding) ?: modelProbabilities())
        return decision.withLatency(
            Latency(
                checks = (checkedNs - startedNs) / 1e3,
                inference = (inferredNs - checkedNs) / 1e3,
                total = (System.nanoTime() - startedNs) / 1e3,
            ),
        )
    }

    private fun modelProbabilities(): DoubleArray = DoubleArray(labels.size) { model.probabilities[it].toDouble() }

    /** Whether too many samples of the window are missing, though the rate between the holes is right. */
    private fun hasHoles(): Boolean {
        val measured = measuredHz
        if (checks.rateFits(measured)) return false
        val from = received.newest(n)
        // The median over the sensor's samples: a pause, however long, lies before a single one of them.
        val rates = DoubleArray(n - 1) { received.store[from + it + 1] - received.store[from + it] }.also { it.sort() }
        val half = rates.sum() / 2
        var counted = 0.0
        val usual = rates.first { rate -> (counted + rate).also { counted = it } >= half }
        if (measured < stream.rateHz && checks.rateFits(usual * stream.rateHz)) return true
        checks.checkRate(measured)
        return false
    }
}
