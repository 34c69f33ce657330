package dev.img2imu.core

import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory

class SensorMergerGoldenTest {
    @TestFactory
    fun merged(): List<DynamicTest> =
        GoldenFile("merging").cases.flatMap { case ->
            val times = ArrayList<Double>()
            val samples = ArrayList<List<Float>>()
            val merger =
                SensorMerger(CHANNELS) { timeS, values ->
                    times.add(timeS)
                    samples.add(values.toList())
                }
            for (sensor in listOf("acc", "gyro")) {
                val rows = rows(case.given[sensor])
                doubles(case.given["${sensor}_times_s"]).forEachIndexed { i, timeS ->
                    merger.push(sensor, timeS, rows[i][0], rows[i][1], rows[i][2])
                }
            }
            listOf(case.test("times_s") { times }, case.test("samples") { samples })
        }
}
