package dev.img2imu.core

import kotlin.math.ln

private const val POWER_FLOOR = 1e-12 // keeps the logarithm finite: -120 dB, below every limit in use
private const val LN_10 = 2.302585092994046

/**
 * One resolution of the spectrogram images: a frame of samples to an image column in -1..1.
 *
 * The level of each bin in dB is clipped to the contract's limits, mapped to -1..1, and the bins are interpolated to
 * the image's rows, the highest frequency first; see docs/contract.md. A column depends on its own frame alone.
 *
 * @property spec frame length and step.
 * @property columnSize values of a column: height * channels, row by row.
 */
internal class Spectrogram(
    val spec: SpectrogramSpec,
    frontEnd: FrontEndSpec,
    private val rateHz: Double,
) {
    private val channels = frontEnd.minDb.size
    private val height = frontEnd.imageHeight
    private val spectrum = PowerSpectrum(spec.fftSamples)
    private val rows = Resize.frequencies(spec.fftSamples, height, rateHz, frontEnd.frequencyKneeHz)
    private val gain = DoubleArray(channels) { 20 / (frontEnd.maxDb[it] - frontEnd.minDb[it]) / LN_10 } // of ln(power)
    private val offset =
        DoubleArray(channels) {
            -2 * frontEnd.minDb[it] / (frontEnd.maxDb[it] - frontEnd.minDb[it]) - 1
        }
    private val shades = DoubleArray(spectrum.bins)
    val columnSize = height * channels

    /** Whole frames in a piece of [samples]. */
    fun frames(samples: Int): Int = maxOf(0, (samples - spec.fftSamples) / spec.stepSamples + 1)

    /**
     * The image column of the frame of [samples] that begins at index [from]; samples stand one after another, all
     * channels of each. It is written to [column] from index [to] on.
     */
    fun column(
        samples: DoubleArray,
        from: Int,
        column: FloatArray,
        to: Int,
    ) {
        for (pair in 0 until (channels + 1) / 2) { // a range with a step would be an object
            val channel = 2 * pair
            val second = minOf(channel + 1, channels - 1)
            spectrum.load({ samples[from + it * channels + channel] }, { samples[from + it * channels + second] })
            spectrum.compute()
            for (bin in shades.indices) shades[bin] = shade(spectrum.first(bin), channel)
            draw(channel, column, to)
            if (second == channel) continue
            for (bin in shades.indices) shades[bin] = shade(spectrum.second(bin), second)
            draw(second, column, to)
        }
    }

    private fun shade(
        power: Double,
        channel: Int,
    ): Double = (gain[channel] * ln(power + POWER_FLOOR) + offset[channel]).coerceIn(-1.0, 1.0)

    private fun draw(
        channel: Int,
        column: FloatArray,
        to: Int,
    ) {
        for (row in 0 until height) {
            var value = 0.0
            val first = rows.first(row)
            for (tap in 0 until rows.taps(row)) value += rows.weight(row, tap) * shades[first + tap]
            column[to + (height - 1 - row) * channels + channel] = value.toFloat()
        }
    }
}
