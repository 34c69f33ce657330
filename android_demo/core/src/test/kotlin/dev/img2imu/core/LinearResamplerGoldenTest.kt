package dev.img2imu.core

import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory

class LinearResamplerGoldenTest {
    @TestFactory
    fun grid(): List<DynamicTest> =
        GoldenVectors.cases("resampler").flatMap { golden ->
            val channels = golden.wholes("channels")[0].toInt()
            val times = golden.doubles("times_in")
            val samples = golden.rows("samples_in", channels)
            val gridTimes = ArrayList<Double>()
            val gridSamples = ArrayList<Double>()
            val received = ArrayList<Double>()
            val resampler =
                LinearResampler(golden.doubles("rate_hz_in")[0], channels) { timeS, sample, count ->
                    gridTimes.add(timeS)
                    gridSamples.addAll(sample.asList())
                    received.add(count)
                }
            for (i in times.indices) resampler.push(times[i], samples[i])
            listOf(
                golden.within("times", 1e-12) { gridTimes.toDoubleArray() },
                golden.within("samples", 0.0) { gridSamples.toDoubleArray() },
                golden.within("received", 1e-9) { received.toDoubleArray() },
                golden.equal("interpolated") { longArrayOf(resampler.interpolated) },
            )
        }
}
