package dev.img2imu.core

import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory

class SensorMergerGoldenTest {
    @TestFactory
    fun merged(): List<DynamicTest> =
        GoldenVectors.cases("merger").flatMap { golden ->
            val times = ArrayList<Double>()
            val samples = ArrayList<Double>()
            val merger =
                SensorMerger(CHANNELS) { timeS, values ->
                    times.add(timeS)
                    values.forEach { samples.add(it.toDouble()) }
                }
            for (sensor in listOf("acc", "gyro")) {
                val clock = golden.doubles("${sensor}_times_in")
                val rows = golden.rows("${sensor}_in", 3)
                for (i in clock.indices) merger.push(sensor, clock[i], rows[i][0], rows[i][1], rows[i][2])
            }
            listOf(
                golden.within("times", 0.0) { times.toDoubleArray() },
                golden.within("samples", 1e-6) { samples.toDoubleArray() },
            )
        }
}
