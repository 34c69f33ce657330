package dev.img2imu.core

import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory

class SmootherGoldenTest {
    @TestFactory
    fun decisions(): List<DynamicTest> {
        val golden = GoldenFile("decisions")
        val labels = (golden.document["labels"] as List<*>).map { it as String }
        return golden.cases.flatMap { case ->
            val smoother = Smoother(spec(case.given["decision"] as Map<*, *>), labels)
            val rows = case.given["probabilities"] as List<*>
            val decisions =
                doubles(case.given["times_s"]).mapIndexed { i, timeS -> smoother.decide(timeS, doubles(rows[i])) }
            listOf(
                case.test("labels") { decisions.map { it.label } },
                case.test("events") { decisions.map { it.event } },
                case.test("probabilities") { decisions.map { it.probabilities.asList() } },
            )
        }
    }

    private fun spec(json: Map<*, *>): DecisionSpec =
        DecisionSpec(
            smoothingWindows = (json["smoothing_windows"] as Long).toInt(),
            threshold = json["threshold"] as Double,
            classThresholds =
                (json["class_thresholds"] as Map<*, *>?).orEmpty().entries.associate { (label, threshold) ->
                    label as String to threshold as Double
                },
            debounceDecisions = (json["debounce_decisions"] as Long?)?.toInt() ?: 1,
            refractoryS = json["refractory_s"] as Double? ?: 0.0,
        )
}
