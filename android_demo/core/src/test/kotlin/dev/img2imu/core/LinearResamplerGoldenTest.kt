package dev.img2imu.core

import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory

class LinearResamplerGoldenTest {
    @TestFactory
    fun grid(): List<DynamicTest> =
        GoldenFile("resampling").cases.flatMap { case ->
            val gridTimes = ArrayList<Double>()
            val gridSamples = ArrayList<List<Double>>()
            val received = ArrayList<Double>()
            val counts = StreamCounts()
            val samples = rows(case.given["samples"])
            val rateHz = case.given["rate_hz"] as Double
            val resampler =
                LinearResampler(rateHz, samples[0].size, counts) { timeS, sample, count ->
                    gridTimes.add(timeS)
                    gridSamples.add(sample.map { shortest(it.toFloat()) })
                    received.add(count)
                }
            doubles(case.given["times_s"]).forEachIndexed { i, timeS -> resampler.push(timeS, samples[i]) }
            listOf(
                case.test("linear_times_s") { gridTimes },
                case.test("linear_samples") { gridSamples },
                case.test("linear_received") { received },
                case.test("linear_interpolated") { counts.interpolated },
            )
        }

    /** Return the number that is written with the fewest digits among those that round to this value. */
    private fun shortest(value: Float): Double = value.toString().toDouble()
}
