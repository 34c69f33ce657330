package dev.img2imu.core

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.abs
import kotlin.math.max

/**
 * What edge_runtime computed, written by tests/android in the same run; the property `golden` names the folder.
 *
 * A case is a folder in it: `NAME.f64` and `NAME.i64` are little-endian arrays without header, `NAME.json` is a
 * document.
 */
class GoldenVectors(
    private val folder: File,
) {
    val name: String get() = folder.name

    fun doubles(name: String): DoubleArray {
        val bytes = File(folder, "$name.f64").readBytes()
        val values = DoubleArray(bytes.size / Double.SIZE_BYTES)
        ByteBuffer
            .wrap(bytes)
            .order(ByteOrder.LITTLE_ENDIAN)
            .asDoubleBuffer()
            .get(values)
        return values
    }

    fun floats(name: String): FloatArray =
        doubles(name).let { values -> FloatArray(values.size) { values[it].toFloat() } }

    /** Rows of so many columns. */
    fun rows(
        name: String,
        columns: Int,
    ): List<FloatArray> =
        floats(name).let { values ->
            List(values.size / columns) { values.copyOfRange(it * columns, (it + 1) * columns) }
        }

    fun wholes(name: String): LongArray {
        val bytes = File(folder, "$name.i64").readBytes()
        val values = LongArray(bytes.size / Long.SIZE_BYTES)
        ByteBuffer
            .wrap(bytes)
            .order(ByteOrder.LITTLE_ENDIAN)
            .asLongBuffer()
            .get(values)
        return values
    }

    fun text(name: String): String = File(folder, name).readText()

    fun bytes(name: String): ByteArray = File(folder, name).readBytes()

    fun json(name: String): Map<*, *> = JsonParser.parse(text("$name.json")) as Map<*, *>

    fun contract(): Contract = ContractReader.read(text("contract.json"))

    /** A test that [found] is the expected array [name], relative to its size where that is above 1. */
    fun within(
        name: String,
        tolerance: Double = 1e-4,
        found: () -> DoubleArray,
    ): DynamicTest =
        dynamicTest("${this.name}: $name") {
            val expected = doubles(name)
            val values = found()
            assertTrue(expected.isNotEmpty(), "nothing was expected")
            assertEquals(expected.size, values.size)
            for (i in expected.indices) {
                val difference = abs(expected[i] - values[i]) / max(1.0, abs(expected[i]))
                assertTrue(difference <= tolerance) { "[$i] is ${values[i]}, expected ${expected[i]}" }
            }
        }

    /** A test that [found] is the expected array of whole numbers [name]. */
    fun equal(
        name: String,
        found: () -> LongArray,
    ): DynamicTest =
        dynamicTest("${this.name}: $name") {
            val expected = wholes(name)
            assertTrue(expected.isNotEmpty(), "nothing was expected")
            assertEquals(expected.asList(), found().asList())
        }

    companion object {
        /** The cases of one kind: folders whose names begin so. */
        fun cases(kind: String): List<GoldenVectors> {
            val folder = System.getProperty("golden")
            assumeTrue(folder != null, "no golden vectors: make test-android writes them")
            val cases = File(folder).listFiles { file -> file.name.startsWith("$kind-") }.orEmpty().sorted()
            assertTrue(cases.isNotEmpty(), "no case of $kind in $folder")
            return cases.map(::GoldenVectors)
        }
    }
}

internal fun FloatArray.toDoubles(): DoubleArray = DoubleArray(size) { this[it].toDouble() }

internal fun List<FloatArray>.flat(): DoubleArray =
    flatMap {
        it.asList()
    }.let { all -> DoubleArray(all.size) { all[it].toDouble() } }
