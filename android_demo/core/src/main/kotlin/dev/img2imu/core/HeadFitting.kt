package dev.img2imu.core

import kotlin.math.max
import kotlin.math.sqrt

private const val STD_PRIOR_WINDOWS = 0.5 // weight of the pooled deviation beside a feature's own, in windows
private const val HELD = 1e-11 // of the largest eigenvalue; below it is rounding
internal const val TINY_VARIANCE = 1e-12 // of a feature that never changes

/**
 * Linear discriminant analysis with a shrunk covariance, in closed form; `edge_runtime/contract/head.py` is the reference and
 * says where each part comes from.
 *
 * @param features (n)(d) of the taught windows.
 * @param classes (n) numbers from 0, each of which occurs.
 * @param blocks sizes of the feature blocks, in order; they add up to d.
 * @param copies (copies)(n)(d) features of the same windows after changes that leave the class as it is.
 */
fun fitHead(
    features: List<FloatArray>,
    classes: IntArray,
    blocks: List<Int>,
    copies: List<List<FloatArray>> = emptyList(),
): LinearHead {
    val scaling = Scaling(features, blocks)
    val z = features.map(scaling::apply)
    val d = scaling.mean.size
    val centre = DoubleArray(d) { i -> z.sumOf { it[i] } / z.size }
    val changes =
        copies.flatMap { copy ->
            copy.mapIndexed { i, changed -> scaling.apply(changed).also { for (k in 0 until d) it[k] -= z[i][k] } }
        }
    val centred = z.map { row -> DoubleArray(d) { row[it] - centre[it] } }
    val (coordinates, basis) = span((centred + changes).toTypedArray())
    val taught =
        TaughtWindows(
            coordinates.copyOfRange(0, z.size),
            classes,
            copies.indices.map { c -> coordinates.copyOfRange(z.size * (c + 1), z.size * (c + 2)) },
        )
    val (weights, bias) = taught.discriminants()
    val sharpness = taught.sharpness()
    val full = weights.map { row -> DoubleArray(d) { i -> sharpness * basis.indices.sumOf { row[it] * basis[it][i] } } }
    return LinearHead(
        scaling.mean,
        scaling.inverseStd,
        Array(full.size) { c -> DoubleArray(d) { full[c][it] * scaling.blockWeight[it] } },
        DoubleArray(full.size) { sharpness * bias[it] - dot(full[it], centre) },
    )
}

/** Standardised features: deviations shrunk towards the block's median, every block of the same total variance. */
private class Scaling(
    features: List<FloatArray>,
    blocks: List<Int>,
) {
    val mean = DoubleArray(features[0].size) { i -> features.sumOf { it[i].toDouble() } / features.size }
    val inverseStd = DoubleArray(mean.size)
    val blockWeight = DoubleArray(mean.size)

    init {
        val n = features.size
        val variance = DoubleArray(mean.size) { i -> features.sumOf { (it[i] - mean[i]) * (it[i] - mean[i]) } / n }
        var begin = 0
        for (size in blocks) {
            val pooled = median(variance.copyOfRange(begin, begin + size)) + TINY_VARIANCE
            for (i in begin until begin + size) {
                val shrunk = (n * variance[i] + STD_PRIOR_WINDOWS * pooled) / (n + STD_PRIOR_WINDOWS)
                inverseStd[i] = 1 / sqrt(shrunk)
                blockWeight[i] = 1 / sqrt(size.toDouble())
            }
            begin += size
        }
        require(begin == mean.size) { "blocks of $blocks features, expected ${mean.size} together" }
    }

    fun apply(row: FloatArray): DoubleArray =
        DoubleArray(mean.size) { ((row[it] - mean[it]) * inverseStd[it]).coerceIn(-CLIP, CLIP) * blockWeight[it] }

    private fun median(values: DoubleArray): Double {
        values.sort()
        return (values[(values.size - 1) / 2] + values[values.size / 2]) / 2
    }
}

/** Coordinates (m)(r) of rows (m)(d) in an orthonormal basis (r)(d) of what they span. */
private fun span(rows: Matrix): Pair<Matrix, Matrix> {
    val gram = matrix(rows.size, rows.size)
    for (i in rows.indices) {
        for (j in 0..i) {
            gram[i][j] = dot(rows[i], rows[j])
            gram[j][i] = gram[i][j]
        }
    }
    val (eigenvalues, vectors) = eigenSymmetric(gram)
    val least = HELD * max(eigenvalues.max(), TINY_VARIANCE)
    val held = eigenvalues.indices.filter { eigenvalues[it] > least }
    val singular = held.map { sqrt(eigenvalues[it]) }
    val coordinates = matrix(rows.size, held.size) { i, k -> vectors[i][held[k]] * singular[k] }
    val basis = matrix(held.size, rows[0].size)
    for (k in held.indices) {
        for (i in rows.indices) {
            val share = vectors[i][held[k]] / singular[k]
            for (j in basis[k].indices) basis[k][j] += share * rows[i][j]
        }
    }
    return coordinates to basis
}
