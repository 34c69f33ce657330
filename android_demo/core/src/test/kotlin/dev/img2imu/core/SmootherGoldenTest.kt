package dev.img2imu.core

import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory

class SmootherGoldenTest {
    @TestFactory
    fun decisions(): List<DynamicTest> =
        GoldenVectors.cases("smoother").flatMap { golden ->
            val contract = golden.contract()
            val smoother = Smoother(contract.decision, contract.labels)
            val times = golden.doubles("times_in")
            val rows = golden.rows("probabilities_in", contract.labels.size)
            val decisions = times.indices.map { smoother.decide(times[it], rows[it].toDoubles()) }
            listOf(
                golden.within("smoothed", 1e-12) { decisions.flatMap { it.probabilities.asList() }.toDoubleArray() },
                golden.equal(
                    "labels",
                ) { LongArray(times.size) { contract.labels.indexOf(decisions[it].label).toLong() } },
                golden.equal("events") { LongArray(times.size) { if (decisions[it].event) 1 else 0 } },
            )
        }
}
