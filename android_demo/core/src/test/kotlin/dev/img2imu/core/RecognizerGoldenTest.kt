package dev.img2imu.core

import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory

/** Streams with pauses, disorder and faults, through everything but the network. */
class RecognizerGoldenTest {
    @TestFactory
    fun streams(): List<DynamicTest> {
        val golden = GoldenFile("gaps")
        val table = (golden.document["samples"] as List<*>).map(::doubles)
        val contract = golden.document["contract"] as Map<*, *>
        return golden.cases.filter { "linear_decisions" in it.answers }.flatMap { case ->
            val run = Run(ContractReader.read(JsonWriter.write(contractOf(contract, case.given))), table, case.given)
            listOf(
                case.test("linear_decisions") {
                    run.decisions.map { listOf(it.timeS, it.state.text, it.label, it.event) }
                },
                case.test("linear_probabilities") {
                    run.decisions.filter { it.latencyUs != null }.map { it.probabilities.asList() }
                },
                case.test("linear_refused") { run.refused },
                case.test("linear_counts") { run.counts },
            )
        }
    }

    private fun contractOf(
        contract: Map<*, *>,
        given: Map<*, *>,
    ): Map<*, *> {
        val stream = contract["stream"] as Map<*, *>
        val gravity = given["gravity"] ?: stream["gravity"]
        val samples = given.filterKeys { it == "window_samples" || it == "hop_samples" }
        return contract + samples + ("stream" to stream + ("gravity" to gravity))
    }

    /** One stream, sample by sample; a refusal does not end it. */
    private class Run(
        contract: Contract,
        private val table: List<DoubleArray>,
        private val given: Map<*, *>,
    ) {
        val decisions = ArrayList<Decision>()
        val refused = ArrayList<Int>()
        private val recognizer = Recognizer(contract, Model(MeanInterpreter(contract), contract), decisions::add)
        val counts: Map<String, Long>
            get() =
                recognizer.counts.run {
                    mapOf(
                        "received" to received,
                        "used" to used,
                        "late" to late,
                        "duplicate" to duplicate,
                        "refused" to refused,
                        "interpolated" to interpolated,
                        "gaps" to gaps,
                    )
                }

        init {
            val silences = (given["silences"] as Map<*, *>?).orEmpty().keys.map { (it as String).trim().toInt() }
            (given["times"] as List<*>).flatMap { times(it as Map<*, *>) }.forEachIndexed { i, timeS ->
                repeat(silences.count { it == i }) { recognizer.silent() }
                try {
                    recognizer.push(timeS, sample(i))
                } catch (_: StreamError) {
                    refused.add(i)
                }
            }
        }

        private fun times(piece: Map<*, *>): List<Double> {
            if ("at_s" in piece) return doubles(piece["at_s"]).asList()
            val fromS = (piece["from_s"] as Number).toDouble()
            val rateHz = (piece["rate_hz"] as Number).toDouble()
            return List((piece["n"] as Long).toInt()) { fromS + it / rateHz }
        }

        private fun sample(i: Int): FloatArray {
            val fault = (given["faults"] as Map<*, *>?)?.get("$i")
            if (fault != null) return rows(listOf(fault))[0]
            val row = table[i % table.size]
            val scale = given["scale"]?.let(::doubles)
            return FloatArray(row.size) { (row[it] * (scale?.get(it) ?: 1.0)).toFloat() }
        }
    }
}
