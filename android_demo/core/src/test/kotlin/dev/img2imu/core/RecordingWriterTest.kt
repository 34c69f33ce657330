package dev.img2imu.core

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File

class RecordingWriterTest {
    @TempDir lateinit var folder: File

    @Test
    fun `samples are written as they come, late and faulty ones are left out`() {
        val writer = RecordingWriter(File(folder, "new"), "walk", listOf("acc_x", "gyro_z"))
        writer.write(1.5, floatArrayOf(0.1f, -2f))
        writer.write(1.5, floatArrayOf(1f, 1f))
        writer.write(1.25, floatArrayOf(1f, 1f))
        writer.write(2.0, floatArrayOf(Float.NaN, 1f))
        writer.write(2.5, floatArrayOf(1e-5f, 1e8f))
        assertEquals(
            "time_s,acc_x,gyro_z,sample\n1.5,0.1,-2.0,0\n2.5,1.0E-5,1.0E8,1\n",
            writer.file.readText(),
        )
        assertEquals(2L to 3L, writer.samples to writer.dropped)
        writer.close()
        writer.close()
    }

    @Test
    fun `no file is overwritten`() {
        val names = List(3) { RecordingWriter(folder, "walk", listOf("acc_x")).use { it.file.name } }
        assertEquals(listOf("walk.csv", "walk-2.csv", "walk-3.csv"), names)
    }

    @Test
    fun `a folder that cannot be made gives one sentence`() {
        val file = File(folder, "file").also { it.writeText("") }
        val error = assertThrows(OutputError::class.java) { RecordingWriter(File(file, "in"), "walk", listOf("acc_x")) }
        assertTrue('\n' !in error.message.orEmpty())
    }
}
