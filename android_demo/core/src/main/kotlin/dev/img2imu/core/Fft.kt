package dev.img2imu.core

import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.sin

/**
 * Discrete Fourier transform of any length, fast where the length has small factors; nothing is allocated after its
 * making.
 *
 * Stockham's self-sorting algorithm with mixed radices (Van Loan 1992, "Computational Frameworks for the Fast Fourier
 * Transform", section 1.7): the windows of contracts are 250 samples as well as 256.
 *
 * @param n length, 1 or more.
 */
class Fft(
    val n: Int,
) {
    private val factors = factorise(n)
    private val cosine = DoubleArray(n) { cos(2 * PI * it / n) }
    private val sine = DoubleArray(n) { -sin(2 * PI * it / n) }
    private var fromRe = DoubleArray(n)
    private var fromIm = DoubleArray(n)
    private var toRe = DoubleArray(n)
    private var toIm = DoubleArray(n)

    /** Transform [re] and [im], each of n values, in place. */
    fun transform(
        re: DoubleArray,
        im: DoubleArray,
    ) {
        re.copyInto(fromRe, 0, 0, n)
        im.copyInto(fromIm, 0, 0, n)
        var stride = 1
        for (radix in factors) {
            val groups = n / stride / radix
            when (radix) {
                2 -> pass2(stride, groups)
                5 -> pass5(stride, groups)
                else -> pass(radix, stride, groups)
            }
            fromRe = toRe.also { toRe = fromRe }
            fromIm = toIm.also { toIm = fromIm }
            stride *= radix
        }
        fromRe.copyInto(re, 0, 0, n)
        fromIm.copyInto(im, 0, 0, n)
    }

    private fun pass2(
        stride: Int,
        groups: Int,
    ) {
        for (q in 0 until groups) {
            val wRe = cosine[q * stride]
            val wIm = sine[q * stride]
            val a = stride * q
            val b = stride * (q + groups)
            val to = 2 * stride * q
            for (k in 0 until stride) {
                val re = fromRe[a + k] - fromRe[b + k]
                val im = fromIm[a + k] - fromIm[b + k]
                toRe[to + k] = fromRe[a + k] + fromRe[b + k]
                toIm[to + k] = fromIm[a + k] + fromIm[b + k]
                toRe[to + stride + k] = re * wRe - im * wIm
                toIm[to + stride + k] = re * wIm + im * wRe
            }
        }
    }

    /** Five points by their sums and differences around the first (Singleton 1969), for windows of 250 samples. */
    private fun pass5(
        stride: Int,
        groups: Int,
    ) {
        val part = stride * groups
        for (q in 0 until groups) {
            for (k in 0 until stride) {
                val at = stride * q + k
                val to = 5 * stride * q + k
                val re0 = fromRe[at]
                val im0 = fromIm[at]
                val sumRe1 = fromRe[at + part] + fromRe[at + 4 * part]
                val sumIm1 = fromIm[at + part] + fromIm[at + 4 * part]
                val difRe1 = fromRe[at + part] - fromRe[at + 4 * part]
                val difIm1 = fromIm[at + part] - fromIm[at + 4 * part]
                val sumRe2 = fromRe[at + 2 * part] + fromRe[at + 3 * part]
                val sumIm2 = fromIm[at + 2 * part] + fromIm[at + 3 * part]
                val difRe2 = fromRe[at + 2 * part] - fromRe[at + 3 * part]
                val difIm2 = fromIm[at + 2 * part] - fromIm[at + 3 * part]
                toRe[to] = re0 + sumRe1 + sumRe2
                toIm[to] = im0 + sumIm1 + sumIm2
                val evenRe1 = re0 + COS_1 * sumRe1 + COS_2 * sumRe2
                val evenIm1 = im0 + COS_1 * sumIm1 + COS_2 * sumIm2
                val oddRe1 = SIN_1 * difRe1 + SIN_2 * difRe2
                val oddIm1 = SIN_1 * difIm1 + SIN_2 * difIm2
                val evenRe2 = re0 + COS_2 * sumRe1 + COS_1 * sumRe2
                val evenIm2 = im0 + COS_2 * sumIm1 + COS_1 * sumIm2
                val oddRe2 = SIN_2 * difRe1 - SIN_1 * difRe2
                val oddIm2 = SIN_2 * difIm1 - SIN_1 * difIm2
                turn(to + stride, q * stride, evenRe1 + oddIm1, evenIm1 - oddRe1)
                turn(to + 2 * stride, 2 * q * stride, evenRe2 + oddIm2, evenIm2 - oddRe2)
                turn(to + 3 * stride, 3 * q * stride, evenRe2 - oddIm2, evenIm2 + oddRe2)
                turn(to + 4 * stride, 4 * q * stride, evenRe1 - oddIm1, evenIm1 + oddRe1)
            }
        }
    }

    /** Put a value, times a root of unity, where it goes. */
    private fun turn(
        to: Int,
        root: Int,
        re: Double,
        im: Double,
    ) {
        toRe[to] = re * cosine[root] - im * sine[root]
        toIm[to] = re * sine[root] + im * cosine[root]
    }

    private fun pass(
        radix: Int,
        stride: Int,
        groups: Int,
    ) {
        val root = n / radix
        for (q in 0 until groups) {
            for (r in 0 until radix) {
                val wRe = cosine[q * r * stride]
                val wIm = sine[q * r * stride]
                val to = stride * (radix * q + r)
                for (k in 0 until stride) {
                    var re = 0.0
                    var im = 0.0
                    for (j in 0 until radix) {
                        val from = stride * (q + groups * j) + k
                        val power = j * r % radix * root
                        re += fromRe[from] * cosine[power] - fromIm[from] * sine[power]
                        im += fromRe[from] * sine[power] + fromIm[from] * cosine[power]
                    }
                    toRe[to + k] = re * wRe - im * wIm
                    toIm[to + k] = re * wIm + im * wRe
                }
            }
        }
    }

    private companion object {
        val COS_1 = cos(2 * PI / 5)
        val COS_2 = cos(4 * PI / 5)
        val SIN_1 = sin(2 * PI / 5)
        val SIN_2 = sin(4 * PI / 5)

        fun factorise(n: Int): IntArray {
            require(n >= 1) { "a transform of $n values" }
            val factors = ArrayList<Int>()
            var left = n
            var factor = 2
            while (left > 1) {
                while (left % factor == 0) {
                    factors.add(factor)
                    left /= factor
                }
                factor++
            }
            return factors.reversed().toIntArray() // long inner loops where the last radix is 2
        }
    }
}
