package dev.img2imu.core

import kotlin.math.exp
import kotlin.math.ln
import kotlin.math.max
import kotlin.math.min
import kotlin.math.pow
import kotlin.math.sqrt

private const val CLIP = 5.0 // standardised features beyond this many deviations add no information
private const val STD_PRIOR_WINDOWS = 0.5 // weight of the pooled deviation against a feature's own, in windows
private const val TINY_VARIANCE = 1e-12 // for a feature that never changes
private const val LEAST_EIGENVALUE = 1e-11 // share of the largest one; what is below is rounding
private const val MAX_FOLDS = 5
private val SHARPNESS_GRID = DoubleArray(61) { 0.01 * 1000.0.pow(it / 60.0) }
private const val SHARPNESS_OF_ONE_WINDOW = 2.0 // no window can be held out
private const val COVARIANCE_SHRINKAGE = 0.1 // towards a sphere of the total variance
private const val NUISANCE_WINDOWS = 16.0 // weight of the copies' scatter against that of the windows, in windows

/**
 * The classifier on top of the embedding: `softmax(weights clip((features - mean) inverseStd, -CLIP, CLIP) + bias)`.
 *
 * @property mean (d) of the taught windows.
 * @property inverseStd (d) one over the shrunk deviation.
 * @property weights (classes)(d).
 * @property bias (classes).
 */
class LinearHead(
    val mean: DoubleArray,
    val inverseStd: DoubleArray,
    val weights: Array<DoubleArray>,
    val bias: DoubleArray,
) {
    private val standardised = DoubleArray(mean.size)

    /** Return the probability of each class for one window's features (d). */
    fun probabilities(features: FloatArray): DoubleArray {
        for (i in mean.indices) standardised[i] = ((features[i] - mean[i]) * inverseStd[i]).coerceIn(-CLIP, CLIP)
        val logits = DoubleArray(bias.size) { dot(weights[it], standardised) + bias[it] }
        val largest = logits.max()
        val exponents = DoubleArray(bias.size) { exp(logits[it] - largest) }
        val sum = exponents.sum()
        return DoubleArray(bias.size) { exponents[it] / sum }
    }
}

/**
 * Fit a head: linear discriminant analysis with a shrunk covariance, in closed form.
 *
 * `edge_runtime/contract/head.py` is the reference and says where each part comes from.
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

/** Standardises features. Deviations are shrunk towards the block's median; all blocks get the same total variance. */
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

/** Return coordinates (m)(r) of rows (m)(d) in an orthonormal basis (r)(d) of their span, and that basis. */
private fun span(rows: Matrix): Pair<Matrix, Matrix> {
    val gram = matrix(rows.size, rows.size)
    for (i in rows.indices) {
        for (j in 0..i) {
            gram[i][j] = dot(rows[i], rows[j])
            gram[j][i] = gram[i][j]
        }
    }
    val (eigenvalues, vectors) = eigenSymmetric(gram)
    val least = LEAST_EIGENVALUE * max(eigenvalues.max(), TINY_VARIANCE)
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

/**
 * Windows in the space that they span.
 *
 * @param t (n)(r) coordinates.
 * @param classes (n).
 * @param nuisance (copies)(n)(r) difference of each copy from its window.
 */
private class TaughtWindows(
    private val t: Matrix,
    private val classes: IntArray,
    private val nuisance: List<Matrix>,
) {
    private val r = t[0].size
    private val k = classes.max() + 1

    /** Return weights (classes)(r) and bias (classes), scaled so that the windows' logits have unit deviation. */
    fun discriminants(): Pair<Matrix, DoubleArray> {
        val means = Array(k) { c -> mean(t.filterIndexed { i, _ -> classes[i] == c }) }
        val weights = solvePositive(covariance(means), means)
        val bias = DoubleArray(k) { -0.5 * dot(weights[it], means[it]) }
        val logits = t.map { logits(it, weights, bias) }
        val centred = logits.flatMap { row -> row.map { it - row.average() } }
        val spread = sqrt(centred.sumOf { it * it } / centred.size) + TINY_VARIANCE
        for (row in weights) for (i in row.indices) row[i] /= spread
        return weights to DoubleArray(k) { bias[it] / spread }
    }

    /** Return the factor on the logits that calibrates the probabilities: the best one on windows held out in turn. */
    fun sharpness(): Double {
        val fewest = (0 until k).minOf { c -> classes.count { it == c } }
        if (fewest < 2) return SHARPNESS_OF_ONE_WINDOW
        val folds = min(MAX_FOLDS, fewest)
        val ordinal = IntArray(t.size) { i -> (0 until i).count { classes[it] == classes[i] } }
        val logits = Array(t.size) { DoubleArray(k) }
        for (fold in 0 until folds) {
            val kept = t.indices.filter { ordinal[it] % folds != fold }
            val (weights, bias) = subset(kept).discriminants()
            for (i in t.indices) if (ordinal[i] % folds == fold) logits[i] = logits(t[i], weights, bias)
        }
        return SHARPNESS_GRID.minBy { logLoss(logits, it) }
    }

    private fun subset(kept: List<Int>): TaughtWindows =
        TaughtWindows(pick(t, kept), IntArray(kept.size) { classes[kept[it]] }, nuisance.map { pick(it, kept) })

    private fun pick(
        rows: Matrix,
        kept: List<Int>,
    ): Matrix = Array(kept.size) { rows[kept[it]] }

    private fun covariance(means: Matrix): Matrix {
        val scatter = matrix(r, r)
        var observed = (t.size - k).toDouble()
        if (t.size > k) {
            for (i in t.indices) add(scatter, DoubleArray(r) { t[i][it] - means[classes[i]][it] }, 1.0)
        }
        val changes = nuisance.flatMap { it.asList() }
        if (changes.isNotEmpty()) {
            for (change in changes) add(scatter, change, NUISANCE_WINDOWS / changes.size)
            observed += NUISANCE_WINDOWS
        }
        val axes = max(1, min(t.size - 1, r)) // spanned by the windows; their copies span more
        val middle = mean(t.asList())
        val total =
            t.sumOf { row -> row.indices.sumOf { (row[it] - middle[it]) * (row[it] - middle[it]) } } / t.size / axes
        val shrinkage = if (observed > 0) COVARIANCE_SHRINKAGE else 1.0
        val share = if (observed > 0) (1 - shrinkage) / observed else 0.0
        val sphere = shrinkage * (total + TINY_VARIANCE)
        return matrix(r, r) { i, j -> (if (i == j) sphere else 0.0) + share * scatter[i][j] }
    }

    private fun mean(rows: List<DoubleArray>): DoubleArray = DoubleArray(r) { i -> rows.sumOf { it[i] } / rows.size }

    private fun add(
        scatter: Matrix,
        row: DoubleArray,
        weight: Double,
    ) {
        for (i in 0 until r) for (j in 0 until r) scatter[i][j] += weight * row[i] * row[j]
    }

    private fun logits(
        row: DoubleArray,
        weights: Matrix,
        bias: DoubleArray,
    ): DoubleArray = DoubleArray(k) { dot(weights[it], row) + bias[it] }

    private fun logLoss(
        logits: Matrix,
        sharpness: Double,
    ): Double =
        logits.indices.sumOf { i ->
            val largest = logits[i].max()
            val sum = logits[i].sumOf { exp(sharpness * (it - largest)) }
            ln(sum) - sharpness * (logits[i][classes[i]] - largest)
        } / logits.size
}
