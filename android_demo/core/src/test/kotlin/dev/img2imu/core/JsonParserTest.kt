package dev.img2imu.core

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.ValueSource

class JsonParserTest {
    @Test
    fun `values keep their kinds`() {
        val text = """ {"a": [1, -2.5, 1e3, true, false, null], "b": {"c": "\u00e9\n\"\\ \ud83d\ude00"}, "d": []} """
        val expected =
            mapOf(
                "a" to listOf(1L, -2.5, 1000.0, true, false, null),
                "b" to mapOf("c" to "é\n\"\\ 😀"),
                "d" to emptyList<Any>(),
            )
        assertEquals(expected, JsonParser.parse(text))
        assertEquals(expected, JsonParser.parse(JsonWriter.write(expected)))
    }

    @ParameterizedTest
    @ValueSource(
        strings = [
            "", "{", "[1,]", "{\"a\" 1}", "{1: 2}", "01", "1.", "NaN", "Infinity", "tru", "\"a", "\"\\x\"", "\"\\u12\"",
            "\"\\ud83d\"", "[1] 2", "'a'", "\"\n\"", "-", "1e", "[1 2]",
        ],
    )
    fun `text that is not JSON is refused`(text: String) {
        assertThrows(JsonSyntaxError::class.java) { JsonParser.parse(text) }
    }

    @Test
    fun `depth is bounded`() {
        assertThrows(JsonSyntaxError::class.java) { JsonParser.parse("[".repeat(100_000)) }
    }
}
