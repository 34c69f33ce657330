package dev.img2imu.core

import kotlin.math.PI
import kotlin.math.cos

/**
 * Power of real signals under a periodic Hann window, two signals in one complex transform.
 *
 * Amplitudes are scaled so that a sine of amplitude A on a bin shows A^2 whatever the length (Heinzel et al. 2002,
 * "Spectrum and spectral density estimation by the DFT", eq. 24).
 *
 * @param n length of a signal.
 * @property bins of a spectrum: n / 2 + 1.
 */
internal class PowerSpectrum(
    private val n: Int,
) {
    private val fft = Fft(n)
    private val taper = hann(n)
    private val re = DoubleArray(n)
    private val im = DoubleArray(n)
    val bins = n / 2 + 1

    /** Give the signals' values: [first] and [second] are called with 0 .. n - 1. */
    inline fun load(
        first: (Int) -> Double,
        second: (Int) -> Double,
    ) {
        for (i in 0 until n) {
            re[i] = first(i) * taper[i]
            im[i] = second(i) * taper[i]
        }
    }

    /** Transform what was loaded. */
    fun compute() = fft.transform(re, im)

    /** Power of a bin of the first signal. */
    fun first(bin: Int): Double {
        val mirror = if (bin == 0) 0 else n - bin
        val a = re[bin] + re[mirror]
        val b = im[bin] - im[mirror]
        return (a * a + b * b) / 4
    }

    /** Power of a bin of the second signal. */
    fun second(bin: Int): Double {
        val mirror = if (bin == 0) 0 else n - bin
        val a = im[bin] + im[mirror]
        val b = re[mirror] - re[bin]
        return (a * a + b * b) / 4
    }

    private companion object {
        fun hann(n: Int): DoubleArray {
            val hann = DoubleArray(n) { 0.5 - 0.5 * cos(2 * PI * it / n) }
            val sum = hann.sum()
            return DoubleArray(n) { (hann[it] * 2 / sum).toFloat().toDouble() } // rounded as in edge_runtime
        }
    }
}
