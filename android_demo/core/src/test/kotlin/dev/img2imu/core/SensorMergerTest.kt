package dev.img2imu.core

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.util.Random

/** How a phone delivers events, one by one or in batches, must change nothing. */
class SensorMergerTest {
    private class Event(
        val sensor: String,
        val timeS: Double,
        val values: FloatArray,
    )

    private fun events(
        sensor: String,
        rateHz: Double,
        offsetS: Double,
        seed: Long,
    ): List<Event> {
        val random = Random(seed)
        return motion(600, seed).mapIndexed { i, row ->
            val from = if (sensor == "acc") 0 else 3
            Event(sensor, offsetS + i / rateHz + random.nextDouble() * 1e-3, row.copyOfRange(from, from + 3))
        }
    }

    /** Return the content of every decision on events in this order. */
    private fun decisions(events: List<Event>): List<Any?> {
        val contract = smallContract()
        val decisions = ArrayList<Any?>()
        val recognizer =
            Recognizer(contract, Model(MeanInterpreter(contract), contract)) {
                decisions.add(listOf(it.timeS, it.state, it.label, it.probabilities.asList(), it.event))
            }
        val merger = SensorMerger(contract.stream.channels, recognizer::push)
        for (event in events) merger.push(event.sensor, event.timeS, event.values[0], event.values[1], event.values[2])
        return decisions
    }

    @Test
    fun `batches of any size give the same decisions, bit for bit`() {
        val acc = events("acc", 50.0, 0.0, 1)
        val gyro = events("gyro", 52.0, 0.01, 2)
        val expected = decisions((acc + gyro).sortedBy { it.timeS })
        assertTrue(expected.size > 50)
        for (batch in listOf(2, 7, 50, 600)) {
            val gyroFirst = batch == 7
            val rounds =
                (acc.chunked(batch) zip gyro.chunked(batch)).flatMap { (a, g) -> if (gyroFirst) g + a else a + g }
            val actual = decisions(rounds)
            assertEquals(expected.take(actual.size), actual)
            assertTrue(expected.size - actual.size < 5)
        }
    }

    @Test
    fun `a sensor that falls silent yields nothing, and what waits is bounded`() {
        var merged = 0
        val merger = SensorMerger(CHANNELS) { _, _ -> merged++ }
        repeat(100_000) { merger.push("acc", it / 100.0, 0f, 0f, 9.8f) }
        assertEquals(0, merged)
        assertTrue(merger.missed > 0)
        merger.push("gyro", 999.5, 0f, 0f, 0f)
        merger.push("gyro", 999.6, 0f, 0f, 0f)
        assertTrue(merged > 5)
    }
}
