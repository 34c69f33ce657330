package dev.img2imu.core

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.ValueSource
import java.util.Random
import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.sin

class FftTest {
    @ParameterizedTest
    @ValueSource(ints = [1, 2, 3, 4, 5, 8, 30, 32, 49, 64, 97, 128, 250, 360])
    fun `it is the sum that defines it`(n: Int) {
        val random = Random(n.toLong())
        val re = DoubleArray(n) { random.nextGaussian() }
        val im = DoubleArray(n) { random.nextGaussian() }
        val foundRe = re.copyOf()
        val foundIm = im.copyOf()
        Fft(n).transform(foundRe, foundIm)
        for (bin in 0 until n) {
            val angle = DoubleArray(n) { -2 * PI * (it.toLong() * bin % n) / n }
            val expectedRe = (0 until n).sumOf { re[it] * cos(angle[it]) - im[it] * sin(angle[it]) }
            val expectedIm = (0 until n).sumOf { re[it] * sin(angle[it]) + im[it] * cos(angle[it]) }
            assertEquals(expectedRe, foundRe[bin], 1e-9)
            assertEquals(expectedIm, foundIm[bin], 1e-9)
        }
    }
}
