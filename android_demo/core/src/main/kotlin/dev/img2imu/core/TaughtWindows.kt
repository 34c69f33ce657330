package dev.img2imu.core

import kotlin.math.exp
import kotlin.math.ln
import kotlin.math.max
import kotlin.math.min
import kotlin.math.pow
import kotlin.math.sqrt

private const val MAX_FOLDS = 5
private val SHARPNESS_GRID = DoubleArray(61) { 0.01 * 1000.0.pow(it / 60.0) }
private const val SHARPNESS_OF_ONE_WINDOW = 2.0 // nothing can be held out
private const val COVARIANCE_SHRINKAGE = 0.1 // towards a sphere of the total variance
private const val NUISANCE_WINDOWS = 16.0 // weight of the copies' scatter beside that of the windows, in windows

/**
 * Windows in the space that they span.
 *
 * @param t (n)(r) coordinates.
 * @param classes (n).
 * @param nuisance (copies)(n)(r) by how much each copy differs from its window.
 */
internal class TaughtWindows(
    private val t: Matrix,
    private val classes: IntArray,
    private val nuisance: List<Matrix>,
) {
    private val r = t[0].size
    private val k = classes.max() + 1

    /** Weights (classes)(r) and bias (classes), scaled so that the logits of the windows have unit deviation. */
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

    /** Factor on the logits that makes probabilities honest: the best one on windows held out in turn. */
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
        val axes = max(1, min(t.size - 1, r)) // that the windows span; their copies span more
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
