package dev.img2imu.core

import kotlin.math.log10

// Bands of equal width where people move, of equal ratio above; a band without a bin of its own is left out.
private val BAND_EDGES_HZ =
    doubleArrayOf(0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 25.0, 50.0, 100.0, 200.0)
private const val POWER_FLOOR = 1e-6 // of a band, re 1 (m/s^2)^2 or (rad/s)^2: the noise of a good sensor

/**
 * Hann periodogram of a window, summed over each band, in dB re (1 unit)^2.
 *
 * @param n samples in a window.
 * @property size how many bands there are.
 */
internal class BandLevels(
    n: Int,
    rateHz: Double,
) {
    private val spectrum = PowerSpectrum(n)
    private val starts: IntArray

    init {
        val top = (spectrum.bins - 1) * rateHz / n
        val firstBins =
            BAND_EDGES_HZ.filter { it <= top }.map { edge ->
                (0 until spectrum.bins).first { it * rateHz / n >= edge }
            }
        starts = firstBins.distinct().toIntArray()
    }

    val size = starts.size

    /** Levels of two signals of n values each, into [out] from the indices [first] and [second] on. */
    fun compute(
        a: DoubleArray,
        b: DoubleArray,
        out: FloatArray,
        first: Int,
        second: Int,
    ) {
        spectrum.load({ a[it] }, { b[it] })
        spectrum.compute()
        for (band in starts.indices) {
            val end = if (band + 1 < starts.size) starts[band + 1] else spectrum.bins
            var powerA = POWER_FLOOR
            var powerB = POWER_FLOOR
            for (bin in starts[band] until end) {
                powerA += spectrum.first(bin)
                powerB += spectrum.second(bin)
            }
            out[first + band] = (10 * log10(powerA)).toFloat()
            out[second + band] = (10 * log10(powerB)).toFloat()
        }
    }
}
