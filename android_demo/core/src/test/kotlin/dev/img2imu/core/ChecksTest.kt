package dev.img2imu.core

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class ChecksTest {
    private fun refusal(
        n: Int,
        rateHz: Double,
        change: (FloatArray) -> Unit,
    ): String? {
        val contract = smallContract()
        val recognizer = Recognizer(contract, Model(MeanInterpreter(contract), contract)) {}
        return try {
            motion(n).forEachIndexed { i, row -> recognizer.push(i / rateHz, row.also(change)) }
            null
        } catch (error: StreamError) {
            error.message
        }
    }

    private fun FloatArray.scale(
        axes: IntRange,
        by: Float,
    ) = axes.forEach { this[it] *= by }

    @Test
    fun `a good stream passes`() = assertEquals(null, refusal(500, 50.0) {})

    @Test
    fun `other units, a wrong rate and dead sensors are named with what to do`() {
        val sentences =
            listOf(
                "look like g" to refusal(500, 50.0) { it.scale(0..2, 1 / 9.81f) },
                "thousandths of g" to refusal(500, 50.0) { it.scale(0..2, 1000 / 9.81f) },
                "raw counts" to refusal(500, 50.0) { it.scale(0..2, 1600f) },
                "gravity seems to be removed" to refusal(500, 50.0) { it[2] -= 9.81f },
                "nothing but zeros" to refusal(500, 50.0) { it.scale(0..2, 0f) },
                "degrees per second" to refusal(500, 50.0) { it.scale(3..5, 500f) },
                "comes at 40 Hz, expected 50 Hz" to refusal(500, 40.0) {},
                "comes at 100 Hz, expected 50 Hz" to refusal(500, 100.0) {},
                "10 pauses" to refusal(500, 1.0) {},
                "expected less than 1e+06" to refusal(500, 50.0) { it[1] = Float.NaN },
            )
        for ((part, sentence) in sentences) assertTrue(part in sentence.orEmpty()) { "'$part' is not in: $sentence" }
    }

    @Test
    fun `a silence is announced once, and a late batch continues where the window ended`() {
        val contract = smallContract()
        val states = ArrayList<State>()
        val recognizer = Recognizer(contract, Model(MeanInterpreter(contract), contract)) { states.add(it.state) }
        val rows = motion(200)
        for (i in 0 until 64) recognizer.push(i / 50.0, rows[i])
        states.clear()
        repeat(3) { recognizer.silent() }
        for (i in 64 until 72) recognizer.push(i / 50.0, rows[i])
        assertEquals(listOf(State.GAP, State.RECOGNISED), states)
        states.clear()
        recognizer.silent()
        recognizer.push(72 / 50.0 + 5, rows[72])
        assertEquals(listOf(State.GAP, State.WARMING_UP), states)
        assertEquals(1.0 / 64, recognizer.fill, 1e-9)
    }

    @Test
    fun `after a refusal there is no label until a whole window has come`() {
        val contract = smallContract()
        val decisions = ArrayList<Decision>()
        val recognizer = Recognizer(contract, Model(MeanInterpreter(contract), contract), decisions::add)
        val rows = motion(300)
        for (i in 0 until 100) recognizer.push(i / 50.0, rows[i])
        assertThrows(StreamError::class.java) { recognizer.push(2.0, FloatArray(6) { Float.NaN }) }
        decisions.clear()
        for (i in 101 until 164) recognizer.push(i / 50.0, rows[i])
        assertEquals(emptyList<Decision>(), decisions)
        recognizer.push(164 / 50.0, rows[164])
        assertEquals(1, decisions.size)
    }
}
