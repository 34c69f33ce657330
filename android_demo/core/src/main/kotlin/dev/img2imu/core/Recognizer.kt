package dev.img2imu.core

import kotlin.math.ceil

private const val MAX_GAPS_WITHOUT_A_WINDOW = 10 // so many in a row are no gaps but a stream far too slow

/** Takes decisions as they fall. */
fun interface DecisionSink {
    fun take(decision: Decision)
}

/**
 * Recognises motions in a stream of samples.
 *
 * A decision falls every `hopSamples` once a window is full. Samples that are late or come twice are dropped and
 * counted; after a pause longer than `maxGapS`, or a clock set back, the window is filled anew. Memory is bounded, and
 * a sample that completes no decision allocates none.
 *
 * @property counts what became of every sample since the recogniser was made.
 * @property frontEnd its features are those of the newest decision, unless the network takes windows.
 */
class Recognizer(
    val contract: Contract,
    val model: Model,
    private val sink: DecisionSink,
) {
    private val stream = contract.stream
    private val n = contract.windowSamples
    val counts = StreamCounts()
    val frontEnd = FrontEnd(contract)
    private val checks = Checks(stream, n)
    private val order = SampleOrder(ceil(stream.maxGapS * stream.rateHz).toInt(), counts)
    private val resampler = LinearResampler(stream.rateHz, stream.channels.size, ::grow)
    private val samples = RingBuffer(n, stream.channels.size)
    private val receivedRow = DoubleArray(1)
    private val received = RingBuffer(n, 1)
    private var smoother = Smoother(contract.decision, contract.labels)
    private var taught: Taught? = null
    private var gaps = 0
    private var silent = false // it has been said that nothing comes
    private var due = n.toLong() // grid samples at which the next decision falls
    private var first = true // the next window has none before it

    /** How full the window is, 0 to 1; below 1 the recogniser is warming up. */
    val fill: Double get() = samples.size.toDouble() / n

    /** The sensor's rate over the window, samples per second; NaN until it is full. */
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

    /** Decide by what was taught on the phone from here on; null goes back to the model's own labels. */
    fun teach(taught: Taught?) {
        this.taught = taught
        val own = if (taught == null) contract.decision else contract.decision.copy(classThresholds = emptyMap())
        smoother = Smoother(own, labels)
    }

    /** Samples on the grid that were made up between two received ones farther apart than the grid's step. */
    val interpolated: Long get() = resampler.interpolated

    /** Forget the stream so far: the next sample may have any timestamp, and a window must fill up again. */
    fun reset() {
        gaps = 0
        silent = false
        order.reset()
        restart()
    }

    /**
     * Take a sample; the sink is given the decisions that it completes.
     *
     * @param timeS seconds on the sensor's clock.
     * @param values in SI units, as in `contract.stream.channels`.
     * @throws StreamError the stream breaks the contract (rate, units, NaN); the stream so far is forgotten.
     */
    fun push(
        timeS: Double,
        values: FloatArray,
    ) {
        counts.received++
        try {
            checks.fault(timeS, values)?.let { throw StreamError(it) }
            when (order.turn(timeS)) {
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
     * Say that nothing has come for longer than it may; gives the gap, once, so that no stale label stays.
     *
     * The window is kept: samples that were only under way go on where it ended. The sensors' clock goes on meanwhile,
     * so that a real gap shows in the timestamps of those that come next.
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
        if (!silent) sink.take(Decision(timeS, State.GAP)) // else it has been said
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
        frontEnd.reset()
        first = true
    }

    /** Take a grid sample; decide where a decision is due. */
    private fun grow(
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
        val started = System.nanoTime()
        if (hasHoles()) {
            forgetWindows()
            return Decision(timeS, State.GAP)
        }
        val from = samples.newest(n)
        if (first) checks.checkUnits(samples.store, from) else checks.checkAlive(samples.store, from)
        gaps = 0
        if (!model.takesWindows) frontEnd.advance(samples.store, from, if (first) n else contract.hopSamples)
        first = false
        val drawn = System.nanoTime()
        if (model.takesWindows) model.infer(samples.store, from) else model.infer(frontEnd.features)
        val inferred = System.nanoTime()
        val decision = smoother.decide(timeS, taught?.head?.probabilities(model.embedding) ?: modelProbabilities())
        return decision.took(
            Latency((drawn - started) / 1e3, (inferred - drawn) / 1e3, (System.nanoTime() - started) / 1e3),
        )
    }

    private fun modelProbabilities(): DoubleArray = DoubleArray(labels.size) { model.probabilities[it].toDouble() }

    /** Whether too many samples of a window are missing, though the rate is right in between. */
    private fun hasHoles(): Boolean {
        val measured = measuredHz
        if (checks.rateFits(measured)) return false
        val from = received.newest(n)
        // of the sensor's samples, the one in the middle: a pause, however long, lies before a single one
        val rates = DoubleArray(n - 1) { received.store[from + it + 1] - received.store[from + it] }.also { it.sort() }
        val half = rates.sum() / 2
        var counted = 0.0
        val usual = rates.first { rate -> (counted + rate).also { counted = it } >= half }
        if (measured < stream.rateHz && checks.rateFits(usual * stream.rateHz)) return true
        checks.checkRate(measured)
        return false
    }
}
