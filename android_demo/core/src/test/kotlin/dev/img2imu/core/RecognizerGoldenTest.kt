package dev.img2imu.core

import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory

/** Streams with gaps, late and repeated samples, clocks set back and faults, through everything but the network. */
class RecognizerGoldenTest {
    @TestFactory
    fun streams(): List<DynamicTest> =
        GoldenVectors.cases("recognizer").flatMap { golden ->
            val contract = golden.contract()
            val states = State.entries.map { it.text }
            val decisions = ArrayList<Decision>()
            val model = Model(StatisticsInterpreter(contract), contract)
            val recognizer = Recognizer(contract, model, decisions::add)
            val times = golden.doubles("times_in")
            val samples = golden.rows("samples_in", contract.stream.channels.size)
            val refused =
                times.indices.firstOrNull { i ->
                    try {
                        recognizer.push(times[i], samples[i])
                        false
                    } catch (_: StreamError) {
                        true
                    }
                }
            val counts = recognizer.counts
            listOf(
                golden.equal("refused") { longArrayOf((refused ?: -1).toLong()) },
                golden.equal(
                    "states",
                ) { LongArray(decisions.size) { states.indexOf(decisions[it].state.text).toLong() } },
                golden.within("times", 1e-12) { DoubleArray(decisions.size) { decisions[it].timeS } },
                golden.within("probabilities") {
                    decisions.flatMap { it.probabilities.asList() }.toDoubleArray()
                },
                golden.equal("counts") { longArrayOf(counts.late, counts.duplicate, counts.gaps) },
            )
        }
}
