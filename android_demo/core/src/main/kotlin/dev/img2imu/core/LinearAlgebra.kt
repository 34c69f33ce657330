package dev.img2imu.core

import kotlin.math.abs
import kotlin.math.sqrt

private const val MAX_SWEEPS = 60
private const val CONVERGED = 1e-30 // off-diagonal squares relative to the whole

/** Rows of numbers. This file holds the linear algebra of the closed-form head, for a few hundred rows. */
internal typealias Matrix = Array<DoubleArray>

internal fun matrix(
    rows: Int,
    columns: Int,
    value: (Int, Int) -> Double = { _, _ -> 0.0 },
): Matrix = Array(rows) { i -> DoubleArray(columns) { j -> value(i, j) } }

internal fun dot(
    a: DoubleArray,
    b: DoubleArray,
): Double {
    var sum = 0.0
    for (i in a.indices) sum += a[i] * b[i]
    return sum
}

/**
 * Return the eigenvalues and eigenvectors (in columns) of a symmetric matrix, by Jacobi's cyclic rotations (Golub and
 * Van Loan 2013, "Matrix Computations", 4th ed., algorithm 8.5.3).
 */
internal fun eigenSymmetric(symmetric: Matrix): Pair<DoubleArray, Matrix> {
    val n = symmetric.size
    val a = Array(n) { symmetric[it].copyOf() }
    val v = matrix(n, n) { i, j -> if (i == j) 1.0 else 0.0 }
    val whole = a.sumOf { row -> row.sumOf { it * it } }
    repeat(MAX_SWEEPS) {
        var off = 0.0
        for (p in 0 until n) for (q in p + 1 until n) off += a[p][q] * a[p][q]
        if (off <= CONVERGED * whole) return DoubleArray(n) { a[it][it] } to v
        for (p in 0 until n) for (q in p + 1 until n) if (a[p][q] != 0.0) rotate(a, v, p, q)
    }
    return DoubleArray(n) { a[it][it] } to v
}

private fun rotate(
    a: Matrix,
    v: Matrix,
    p: Int,
    q: Int,
) {
    val tau = (a[q][q] - a[p][p]) / (2 * a[p][q])
    val t = (if (tau >= 0) 1.0 else -1.0) / (abs(tau) + sqrt(1 + tau * tau))
    val c = 1 / sqrt(1 + t * t)
    val s = t * c
    for (k in a.indices) {
        val left = a[k][p]
        a[k][p] = c * left - s * a[k][q]
        a[k][q] = s * left + c * a[k][q]
    }
    for (k in a.indices) {
        val upper = a[p][k]
        a[p][k] = c * upper - s * a[q][k]
        a[q][k] = s * upper + c * a[q][k]
        val left = v[k][p]
        v[k][p] = c * left - s * v[k][q]
        v[k][q] = s * left + c * v[k][q]
    }
}

/** Solve A x = b for each row b of [right], with A symmetric and positive definite, by Cholesky's factors. */
internal fun solvePositive(
    symmetric: Matrix,
    right: Matrix,
): Matrix {
    val n = symmetric.size
    val l = matrix(n, n)
    for (i in 0 until n) {
        for (j in 0..i) {
            var sum = symmetric[i][j]
            for (k in 0 until j) sum -= l[i][k] * l[j][k]
            l[i][j] = if (i == j) sqrt(sum) else sum / l[j][j]
        }
    }
    return Array(right.size) { row ->
        val x = right[row].copyOf()
        for (i in 0 until n) {
            for (k in 0 until i) x[i] -= l[i][k] * x[k]
            x[i] /= l[i][i]
        }
        for (i in n - 1 downTo 0) {
            for (k in i + 1 until n) x[i] -= l[k][i] * x[k]
            x[i] /= l[i][i]
        }
        x
    }
}
