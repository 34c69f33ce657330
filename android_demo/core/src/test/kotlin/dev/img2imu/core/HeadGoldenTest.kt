package dev.img2imu.core

import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory

class HeadGoldenTest {
    @TestFactory
    fun heads(): List<DynamicTest> =
        GoldenVectors.cases("head").flatMap { golden ->
            val blocks = golden.wholes("blocks").map { it.toInt() }
            val classes = golden.wholes("classes").let { all -> IntArray(all.size) { all[it].toInt() } }
            val features = golden.rows("features_in", blocks.sum())
            val copies = golden.rows("copies_in", blocks.sum()).chunked(features.size)
            val head = fitHead(features, classes, blocks, copies)
            val asked = golden.rows("asked_in", blocks.sum())
            listOf(
                golden.within("mean") { head.mean },
                golden.within("inverse_std") { head.inverseStd },
                golden.within("weights") { head.weights.flatMap { it.asList() }.toDoubleArray() },
                golden.within("bias") { head.bias },
                golden.within("probabilities") { asked.flatMap { head.probabilities(it).asList() }.toDoubleArray() },
            )
        }

    @TestFactory
    fun nuisances(): List<DynamicTest> =
        GoldenVectors.cases("nuisances").map { golden ->
            val channels = (golden.json("settings")["channels"] as List<*>).map { it as String }
            golden.within("copies") {
                nuisanceCopies(golden.doubles("window_in"), channels).flatMap { it.asList() }.toDoubleArray()
            }
        }
}
