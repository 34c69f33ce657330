package dev.img2imu.core

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File

class BenchTest {
    private val contract = smallContract()
    private val model = Model(MeanInterpreter(contract), contract)

    /** The document is written to the folder of the property `out`, where a Python test reads it. */
    @Test
    fun `every trial is timed, and the document is that of img2imu bench`() {
        val run = bench(contract, model, 30, { 0L })!!
        assertEquals(30, run.totalUs.size)
        for (i in 0 until 30) assertTrue(run.totalUs[i] >= run.checksUs[i] + run.inferenceUs[i])
        val models =
            listOf(
                BenchedModel("demo.tflite", contract, 1000, listOf(run)),
                BenchedModel("other.tflite", contract, 1000, emptyList(), "the GPU refused it"),
            )
        val text = benchJson("2026-11-22T12:00:00", BenchMachine("a phone", 8, "Android 14", "0.1.0"), models)
        System.getProperty("out")?.let { File(it, "bench.json").writeText(text) }
        assertEquals(2, ((JsonParser.parse(text) as Map<*, *>)["models"] as List<*>).size)
    }

    @Test
    fun `it can be ended early`() = assertNull(bench(contract, model, 30, { 0L }) { false })

    @Test
    fun `percentiles lie between the nearest values`() {
        val latencies = Latencies(4)
        assertTrue(latencies.last.isNaN() && latencies.percentile(50.0).isNaN())
        for (us in listOf(9.0, 4.0, 1.0, 3.0, 2.0)) latencies.add(us)
        assertEquals(
            listOf(2.0, 2.5, 4.0),
            listOf(latencies.last, latencies.percentile(50.0), latencies.percentile(100.0)),
        )
    }
}
