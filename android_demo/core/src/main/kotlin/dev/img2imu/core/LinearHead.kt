package dev.img2imu.core

import kotlin.math.exp

internal const val CLIP = 5.0 // standardised features beyond this many deviations say no more

/**
 * `softmax(weights clip((features - mean) inverseStd, -CLIP, CLIP) + bias)`.
 *
 * @property mean (d) of the taught windows.
 * @property inverseStd (d) one over the shrunk deviation.
 * @property weights of each class (d).
 * @property bias of each class.
 */
class LinearHead(
    val mean: DoubleArray,
    val inverseStd: DoubleArray,
    val weights: Array<DoubleArray>,
    val bias: DoubleArray,
) {
    private val standardised = DoubleArray(mean.size)

    /** Probability of each class for one window's features (d). */
    fun probabilities(features: FloatArray): DoubleArray {
        for (i in mean.indices) standardised[i] = ((features[i] - mean[i]) * inverseStd[i]).coerceIn(-CLIP, CLIP)
        val logits = DoubleArray(bias.size) { dot(weights[it], standardised) + bias[it] }
        val largest = logits.max()
        val exponents = DoubleArray(bias.size) { exp(logits[it] - largest) }
        val sum = exponents.sum()
        return DoubleArray(bias.size) { exponents[it] / sum }
    }
}
