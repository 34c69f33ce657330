package dev.img2imu.core

import kotlin.math.abs
import kotlin.math.asinh
import kotlin.math.max
import kotlin.math.sinh

/**
 * A linear map with few weights per output, those that are not zero.
 *
 * @param matrix of each output, the weights of all inputs.
 */
internal class Resize(
    matrix: List<DoubleArray>,
) {
    val outputs = matrix.size
    private val begins = IntArray(outputs + 1)
    private val firsts = IntArray(outputs)
    private val weights: DoubleArray

    init {
        val kept = ArrayList<Double>()
        matrix.forEachIndexed { i, row ->
            firsts[i] = row.indexOfFirst { it > 0 }
            (firsts[i]..row.indexOfLast { it > 0 }).forEach { kept.add(row[it].toFloat().toDouble()) }
            begins[i + 1] = kept.size
        }
        weights = kept.toDoubleArray()
    }

    /** The first input that an output takes. */
    fun first(output: Int): Int = firsts[output]

    /** How many inputs an output takes, from the first on. */
    fun taps(output: Int): Int = begins[output + 1] - begins[output]

    /** The weight of one of them. */
    fun weight(
        output: Int,
        tap: Int,
    ): Double = weights[begins[output] + tap]

    companion object {
        /**
         * From the bins of an FFT to rows of rising frequency; each row is a triangle around its frequency, as wide as
         * the distance to the next row, or to the next bin where bins are farther apart.
         */
        fun frequencies(
            fftSamples: Int,
            rows: Int,
            rateHz: Double,
            kneeHz: Double,
        ): Resize {
            val top = asinh(rateHz / 2 / kneeHz)
            val edges = DoubleArray(rows + 1) { kneeHz * sinh(top * it / rows) }
            val centres = DoubleArray(rows) { kneeHz * sinh(top * (it + 0.5) / rows) }
            val bins = DoubleArray(fftSamples / 2 + 1) { it * rateHz / fftSamples }
            val halfWidths = DoubleArray(rows) { max(edges[it + 1] - edges[it], rateHz / fftSamples) }
            return triangles(bins, centres, halfWidths)
        }

        /** Stretch or shrink time, as PyTorch's interpolate(align_corners=False, antialias=True). */
        fun times(
            frames: Int,
            columns: Int,
        ): Resize {
            val scale = frames.toDouble() / columns
            val centres = DoubleArray(columns) { ((it + 0.5) * scale - 0.5).coerceIn(0.0, frames - 1.0) }
            val positions = DoubleArray(frames) { it.toDouble() }
            return triangles(positions, centres, DoubleArray(columns) { max(scale, 1.0) })
        }

        private fun triangles(
            positions: DoubleArray,
            centres: DoubleArray,
            halfWidths: DoubleArray,
        ): Resize =
            Resize(
                centres.mapIndexed { i, given ->
                    val centre = given.coerceIn(positions.first(), positions.last())
                    val row = DoubleArray(positions.size) { max(1 - abs(positions[it] - centre) / halfWidths[i], 0.0) }
                    val sum = row.sum()
                    DoubleArray(row.size) { row[it] / sum }
                },
            )
    }
}
