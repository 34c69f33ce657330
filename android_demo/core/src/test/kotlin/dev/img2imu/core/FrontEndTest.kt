package dev.img2imu.core

import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Test

class FrontEndTest {
    @Test
    fun `shared columns give the same bits as the whole window computed anew`() {
        for (hop in listOf(8, 24, 64, 72)) {
            val contract = smallContract(hop)
            val samples = motion(1000).flatMap { row -> row.map { it.toDouble() } }.toDoubleArray()
            val stream = FrontEnd(contract)
            for (start in 0..1000 - 64 step hop) {
                stream.advance(samples, start * 6, if (start == 0) 64 else hop)
                val whole = FrontEnd(contract).also { it.advance(samples, start * 6, 64) }
                assertArrayEquals(whole.features.images, stream.features.images)
                assertArrayEquals(whole.features.statistics, stream.features.statistics)
            }
        }
    }
}
