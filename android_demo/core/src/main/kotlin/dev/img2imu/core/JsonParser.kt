package dev.img2imu.core

private const val MAX_DEPTH = 64 // a contract has five levels
private const val SHORT_ESCAPES = "\"\\/bfnrt"
private const val ESCAPED = "\"\\/\b\u000c\n\r\t"

/** Text that is not JSON. */
class JsonSyntaxError(
    message: String,
) : Exception(message)

/**
 * Parses JSON (RFC 8259) to maps, lists, text, `Long`, `Double`, `Boolean` and null.
 *
 * A number without point and exponent is a `Long` where it fits. `NaN` and the infinities, which Python writes, are
 * refused, and so is half a surrogate pair.
 */
class JsonParser private constructor(
    private val text: String,
) {
    private var at = 0

    private fun document(): Any? {
        val value = value(0)
        skipSpace()
        if (at < text.length) fail("more text")
        return value
    }

    private fun value(depth: Int): Any? {
        if (depth > MAX_DEPTH) fail("more than $MAX_DEPTH levels")
        skipSpace()
        return when (text.getOrNull(at)) {
            '{' -> members(depth)
            '[' -> elements(depth)
            '"' -> string()
            't' -> word("true", true)
            'f' -> word("false", false)
            'n' -> word("null", null)
            else -> number()
        }
    }

    private fun members(depth: Int): Map<String, Any?> {
        val members = LinkedHashMap<String, Any?>()
        forEachItem('}') {
            if (text.getOrNull(at) != '"') fail("no key in quotes")
            val key = string()
            skipSpace()
            if (!take(':')) fail("no colon")
            members[key] = value(depth + 1)
        }
        return members
    }

    private fun elements(depth: Int): List<Any?> {
        val elements = ArrayList<Any?>()
        forEachItem(']') { elements.add(value(depth + 1)) }
        return elements
    }

    private inline fun forEachItem(
        close: Char,
        parse: () -> Unit,
    ) {
        at++
        skipSpace()
        if (take(close)) return
        while (true) {
            skipSpace()
            parse()
            skipSpace()
            if (take(close)) return
            if (!take(',')) fail("no comma")
        }
    }

    private fun string(): String {
        val built = StringBuilder()
        at++
        while (!take('"')) {
            val c = text.getOrNull(at++) ?: fail("text without an end")
            when {
                c < ' ' -> fail("a control character")
                c == '\\' -> built.append(escape())
                else -> built.append(c)
            }
        }
        return built.toString().also { if (hasHalfPair(it)) fail("half a surrogate pair") }
    }

    private fun escape(): Char {
        val c = text.getOrNull(at++) ?: fail("text without an end")
        if (c != 'u') return ESCAPED[SHORT_ESCAPES.indexOf(c).also { if (it < 0) fail("an unknown escape") }]
        val digits = text.substring(at, minOf(at + 4, text.length))
        if (digits.length < 4 || !digits.all { it in '0'..'9' || it in 'a'..'f' || it in 'A'..'F' }) fail("a bad \\u")
        at += 4
        return digits.toInt(16).toChar()
    }

    private fun number(): Number {
        val match = NUMBER.matchAt(text, at) ?: fail("no value")
        at = match.range.last + 1
        val whole = match.groupValues[1].isEmpty() && match.groupValues[2].isEmpty()
        return (if (whole) match.value.toLongOrNull() else null) ?: match.value.toDouble()
    }

    private fun <T> word(
        word: String,
        value: T,
    ): T {
        if (!text.startsWith(word, at)) fail("no value")
        at += word.length
        return value
    }

    private fun take(c: Char): Boolean = (text.getOrNull(at) == c).also { if (it) at++ }

    private fun skipSpace() {
        while (at < text.length && text[at] in " \t\r\n") at++
    }

    private fun fail(what: String): Nothing = throw JsonSyntaxError("$what at character $at")

    companion object {
        private val NUMBER = Regex("-?(?:0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?")

        /**
         * Parse a whole document.
         *
         * @throws JsonSyntaxError it is not JSON.
         */
        fun parse(text: String): Any? = JsonParser(text).document()

        private fun hasHalfPair(text: String): Boolean {
            var i = 0
            while (i < text.length) {
                val pair = text[i].isHighSurrogate() && text.getOrNull(i + 1)?.isLowSurrogate() == true
                if (!pair && text[i].isSurrogate()) return true
                i += if (pair) 2 else 1
            }
            return false
        }
    }
}
