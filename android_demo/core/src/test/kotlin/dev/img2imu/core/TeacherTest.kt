package dev.img2imu.core

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File

class TeacherTest {
    @TempDir lateinit var folder: File

    private val contract = smallContract()

    private val golden = Golden(1, FloatArray(64 * 6), statistics = FloatArray(12), probabilities = FloatArray(3))

    private fun teacher(): Teacher =
        Teacher(ModelFile(ByteArray(0), contract, golden), Model(EmbeddingInterpreter(contract), contract))

    private fun window(
        seed: Long,
        swing: Int,
    ): DoubleArray = motion(64, seed).flatMap { row -> row.map { it.toDouble() * swing } }.toDoubleArray()

    @Test
    fun `two motions are told apart, and what was taught can be read again`() {
        val teacher = teacher()
        teacher.add("still", window(1, 1))
        assertNull(teacher.fit())
        for (seed in 2L..4L) {
            teacher.add("still", window(seed, 1))
            teacher.add("wild", window(seed + 10, 3))
        }
        assertEquals(mapOf("still" to 4, "wild" to 3), teacher.counts)
        val file = File(folder, "taught").also(teacher::save)
        file.appendText("cut short")
        val again = teacher().also { it.load(file) }
        assertEquals(teacher.counts, again.counts)
        for (taught in listOf(teacher.fit()!!, again.fit()!!)) {
            val labels = listOf(1, 3).map { swing -> labelOf(taught, swing) }
            assertEquals(listOf("still", "wild"), labels)
        }
    }

    private fun labelOf(
        taught: Taught,
        swing: Int,
    ): String? {
        var last: Decision? = null
        val recognizer = Recognizer(contract, Model(EmbeddingInterpreter(contract), contract)) { last = it }
        recognizer.teach(taught)
        motion(200, 99).forEachIndexed { i, row -> recognizer.push(i / 50.0, FloatArray(6) { row[it] * swing }) }
        return last?.label
    }

    @Test
    fun `a label is one line`() {
        for (label in listOf("", " ", "a\nb", " a", "x".repeat(81))) {
            assertThrows(DataError::class.java) { teacher().add(label, window(1, 1)) }
        }
    }

    @Test
    fun `a network whose embedding is something else is refused`() {
        val error = assertThrows(ContractError::class.java) { embeddingBlocks(contract, 12, 10) }
        assertTrue("expected more than" in error.message.orEmpty())
        assertEquals(1000, embeddingBlocks(contract, 12, 1000).sum())
    }
}
