package dev.img2imu.core

import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory

class FrontEndGoldenTest {
    @TestFactory
    fun features(): List<DynamicTest> =
        GoldenVectors.cases("front_end").flatMap { golden ->
            val contract = golden.contract()
            val window = contract.windowSamples * contract.stream.channels.size
            val windows = golden.doubles("windows")
            val features =
                List(windows.size / window) { i ->
                    FrontEnd(contract).also { it.advance(windows, i * window, contract.windowSamples) }.features
                }
            listOf(
                golden.within("images") { features.map { it.images }.flat() },
                golden.within("statistics") { features.map { it.statistics }.flat() },
            )
        }
}
