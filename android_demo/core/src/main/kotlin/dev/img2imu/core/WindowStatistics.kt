package dev.img2imu.core

import kotlin.math.sqrt

/**
 * Numbers that the images cannot show, named by the contract, one after another; docs/contract.md defines each.
 *
 * A *signal* is a channel, or the magnitude of a triple of channels that make an image (a whole sensor).
 *
 * @property size how many numbers a window gives.
 * @throws ContractError a statistic that this version does not know.
 */
class WindowStatistics(
    contract: Contract,
) {
    private val n = contract.windowSamples
    private val channels = contract.stream.channels.size
    private val sensors =
        contract.frontEnd.imageChannels
            .filter { it.toSet().size == 3 }
            .map { it.toIntArray() }
    private val signals = List(channels + sensors.size) { SignalMoments(n, contract.stream.rateHz) }
    private val bands = BandLevels(n, contract.stream.rateHz)
    private val pairs = sensors.flatMap { (r, g, b) -> listOf(r to g, r to b, g to b) }
    private val parts = contract.frontEnd.statistics.map(::partOf)
    val size = parts.sumOf { it.size }

    /** Writes a statistic's numbers from an index on; a lambda of Kotlin's own type would box the index. */
    private fun interface Writer {
        fun write(
            out: FloatArray,
            at: Int,
        )
    }

    private class Part(
        val size: Int,
        val writer: Writer,
    )

    /** Statistics of the window that stands in [samples] from index [from] on, into [out]. */
    fun compute(
        samples: DoubleArray,
        from: Int,
        out: FloatArray,
    ) {
        for (channel in 0 until channels) {
            val values = signals[channel].values
            for (i in 0 until n) values[i] = samples[from + i * channels + channel]
        }
        for (i in sensors.indices) magnitude(samples, from, sensors[i], signals[channels + i].values)
        for (i in signals.indices) signals[i].compute()
        var at = 0
        for (i in parts.indices) {
            parts[i].writer.write(out, at)
            at += parts[i].size
        }
    }

    private fun magnitude(
        samples: DoubleArray,
        from: Int,
        sensor: IntArray,
        values: DoubleArray,
    ) {
        val (r, g, b) = sensor
        for (i in 0 until n) {
            val at = from + i * channels
            val x = samples[at + r]
            val y = samples[at + g]
            val z = samples[at + b]
            values[i] = sqrt(x * x + y * y + z * z)
        }
    }

    private fun partOf(name: String): Part {
        val axes = 0 until channels
        val magnitudes = channels until signals.size
        return when (name) {
            "mean" -> each(axes) { it.mean }

            "std" -> each(axes) { it.std }

            "mean_magnitude" -> each(magnitudes) { it.mean }

            "std_magnitude" -> each(magnitudes) { it.std }

            "min" -> each(signals.indices) { it.min }

            "max" -> each(signals.indices) { it.max }

            "mean_slope" -> each(signals.indices) { it.meanSlope }

            "skewness" -> each(signals.indices) { it.skewness }

            "kurtosis" -> each(signals.indices) { it.kurtosis }

            "band_level_db" -> Part(signals.size * bands.size, ::writeBands)

            "correlation" -> Part(pairs.size, ::writeCorrelations)

            else -> throw ContractError(
                "the model's contract has the statistic '$name', which this version does not know: update the app, " +
                    "or export the model again",
            )
        }
    }

    private inline fun each(
        which: IntRange,
        crossinline value: (SignalMoments) -> Double,
    ): Part =
        Part(which.count()) { out, at -> for (i in which) out[at + i - which.first] = value(signals[i]).toFloat() }

    private fun writeBands(
        out: FloatArray,
        at: Int,
    ) {
        for (i in signals.indices step 2) {
            val other = minOf(i + 1, signals.size - 1)
            bands.compute(
                signals[i].deviations,
                signals[other].deviations,
                out,
                at + i * bands.size,
                at + other * bands.size,
            )
        }
    }

    private fun writeCorrelations(
        out: FloatArray,
        at: Int,
    ) {
        for (i in pairs.indices) {
            val a = signals[pairs[i].first]
            val b = signals[pairs[i].second]
            var sum = 0.0
            for (k in 0 until n) sum += a.deviations[k] * b.deviations[k]
            out[at + i] = (sum / n / a.scale / b.scale).toFloat()
        }
    }
}
