package dev.img2imu.core

import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory

class HeadGoldenTest {
    @TestFactory
    fun heads(): List<DynamicTest> =
        GoldenFile("heads").cases.flatMap { case ->
            val blocks = (case.given["blocks"] as List<*>).map { (it as Long).toInt() }
            val classes = doubles(case.given["classes"]).map { it.toInt() }.toIntArray()
            val copies = (case.given["copies"] as List<*>).map(::rows)
            val head = fitHead(rows(case.given["features"]), classes, blocks, copies)
            val others = rows(case.given["others"])
            listOf(
                case.test("mean") { head.mean.asList() },
                case.test("inverse_std") { head.inverseStd.asList() },
                case.test("weights") { head.weights.map { it.asList() } },
                case.test("bias") { head.bias.asList() },
                case.test("probabilities") { others.map { head.probabilities(it).asList() } },
            )
        }

    @TestFactory
    fun nuisances(): List<DynamicTest> =
        GoldenFile("nuisances").cases.map { case ->
            val channels = (case.given["channels"] as List<*>).map { it as String }
            val window = rows(case.given["window"]).flatMap { row -> row.map { it.toDouble() } }.toDoubleArray()
            case.test("copies") {
                nuisanceCopies(window, channels).map { copy -> copy.asList().chunked(channels.size) }
            }
        }
}
