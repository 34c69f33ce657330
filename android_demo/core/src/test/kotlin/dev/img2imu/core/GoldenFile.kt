package dev.img2imu.core

import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import java.io.File
import kotlin.math.abs
import kotlin.math.max

/** One file of the folder golden/, whose README.md describes it; the property `golden` names the folder. */
class GoldenFile(
    private val kind: String,
) {
    val document = JsonParser.parse(File(folder(), "$kind.json").readText()) as Map<*, *>
    private val tolerances = document["tolerances"] as Map<*, *>

    /** The cases of the file. */
    val cases: List<Case> =
        (document["cases"] as Map<*, *>).map { (name, case) -> Case(name as String, case as Map<*, *>) }

    /** An input, and the right answers to it. */
    inner class Case(
        val name: String,
        case: Map<*, *>,
    ) {
        val given = case["given"] as Map<*, *>
        val answers = case["answers"] as Map<*, *>

        /** Return a test that [made] returns the right answer; numbers may differ by the file's tolerance. */
        fun test(
            answer: String,
            made: () -> Any?,
        ): DynamicTest =
            dynamicTest("$kind, $name: $answer") {
                val expected = checkNotNull(answers[answer]) { "no such answer" }
                val tolerance = (tolerances[answer] as Number?)?.toDouble() ?: 0.0
                val actual = made()
                assertTrue(isClose(actual, expected, tolerance)) { "expected $expected\nnot      $actual" }
            }
    }

    companion object {
        /** Return the folder with the golden files. */
        fun folder(): File {
            val folder = System.getProperty("golden")
            assumeTrue(folder != null, "no golden files: -Dgolden=FOLDER names them")
            return File(folder)
        }
    }
}

private fun isClose(
    actual: Any?,
    expected: Any?,
    tolerance: Double,
): Boolean =
    when (expected) {
        is Map<*, *> -> {
            actual is Map<*, *> && actual.keys == expected.keys &&
                expected.all { (key, value) -> isClose(actual[key], value, tolerance) }
        }

        is List<*> -> {
            actual is List<*> && actual.size == expected.size &&
                expected.indices.all { isClose(actual[it], expected[it], tolerance) }
        }

        is Number -> {
            actual is Number &&
                abs(actual.toDouble() - expected.toDouble()) <= tolerance * max(1.0, abs(expected.toDouble()))
        }

        else -> {
            actual == expected
        }
    }

/** A list of numbers as it was parsed, null for NaN. */
internal fun doubles(list: Any?): DoubleArray {
    val numbers = list as List<*>
    return DoubleArray(numbers.size) { (numbers[it] as Number?)?.toDouble() ?: Double.NaN }
}

/** A list of rows of numbers, in single precision. */
internal fun rows(list: Any?): List<FloatArray> =
    (list as List<*>).map { row -> doubles(row).let { values -> FloatArray(values.size) { values[it].toFloat() } } }
