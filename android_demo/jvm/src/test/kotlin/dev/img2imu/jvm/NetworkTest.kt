package dev.img2imu.jvm

import dev.img2imu.core.Container
import dev.img2imu.core.ContractError
import dev.img2imu.core.Model
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.Test
import java.io.File

private const val TOLERANCE = 1e-3f

/** LiteRT with real models; the property `litert` names its library, `golden` the folder with the golden files. */
class NetworkTest {
    private val library = System.getProperty("litert")
    private val golden = System.getProperty("golden")

    private fun <T> loaded(
        path: String,
        use: (Model, dev.img2imu.core.Golden) -> T,
    ): T {
        assumeTrue(library != null && golden != null, "no LiteRT: make test-android names it")
        val file = Container.read(File(golden, "../$path").readBytes(), path)
        return Model(LiteRtInterpreter(library, file.tflite), file.contract).use { use(it, file.golden) }
    }

    @Test
    fun `the app's model answers to its golden windows as it did when it was exported`() =
        loaded("android_demo/app/src/main/assets/demo.tflite") { model, golden ->
            val perWindow = golden.windows.size / golden.n
            val samples = DoubleArray(golden.windows.size) { golden.windows[it].toDouble() }
            val labels = model.probabilities.size
            for (i in 0 until golden.n) {
                model.infer(samples, i * perWindow)
                val expected = golden.probabilities.copyOfRange(i * labels, (i + 1) * labels)
                assertArrayEquals(expected, model.probabilities, TOLERANCE)
            }
        }

    @Test
    fun `a model without the front end inside is refused with the remedy`() {
        val error = assertThrows(ContractError::class.java) { loaded("edge_runtime/data/demo.tflite") { _, _ -> } }
        assertEquals(
            "the network of 'shoulder exercises' takes spectrogram images, expected raw windows: make the file again " +
                "with img2imu export --target android",
            error.message,
        )
    }
}
