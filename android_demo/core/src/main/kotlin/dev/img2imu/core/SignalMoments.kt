package dev.img2imu.core

import kotlin.math.abs
import kotlin.math.max
import kotlin.math.sqrt

private const val DEVIATION_FLOOR = 1e-3 // m/s^2 or rad/s: what moves less is still, and its shape is rounding

/**
 * Moments, extremes and slope of one signal over a window.
 *
 * @param n samples in a window.
 * @property values to be filled before [compute].
 * @property deviations of the values from their mean.
 * @property scale the standard deviation of the population, or a floor under it.
 */
internal class SignalMoments(
    private val n: Int,
    private val rateHz: Double,
) {
    val values = DoubleArray(n)
    val deviations = DoubleArray(n)
    var mean = 0.0
        private set
    var std = 0.0
        private set
    var scale = 0.0
        private set
    var min = 0.0
        private set
    var max = 0.0
        private set
    var meanSlope = 0.0
        private set
    var skewness = 0.0
        private set
    var kurtosis = 0.0
        private set

    fun compute() {
        var sum = values[0]
        var steps = 0.0
        var lowest = values[0]
        var highest = values[0]
        for (i in 1 until n) {
            val value = values[i]
            sum += value
            if (value < lowest) lowest = value // many times faster than min(), which minds NaN and the sign of zero
            if (value > highest) highest = value
            steps += abs(value - values[i - 1])
        }
        min = lowest
        max = highest
        mean = sum / n
        meanSlope = steps * rateHz / (n - 1)
        shape()
    }

    private fun shape() {
        var second = 0.0
        var third = 0.0
        var fourth = 0.0
        for (i in 0 until n) {
            val deviation = values[i] - mean
            val square = deviation * deviation
            deviations[i] = deviation
            second += square
            third += square * deviation
            fourth += square * square
        }
        std = sqrt(second / n)
        scale = max(std, DEVIATION_FLOOR)
        skewness = third / n / (scale * scale * scale)
        kurtosis = fourth / n / (scale * scale * scale * scale)
    }
}
