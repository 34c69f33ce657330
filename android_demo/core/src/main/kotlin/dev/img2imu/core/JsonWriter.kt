package dev.img2imu.core

/** Writes maps, lists, text, numbers, booleans and null as JSON, one member or element a line. */
object JsonWriter {
    /** Return the document, ending in a line break; numbers must be finite. */
    fun write(value: Any?): String = StringBuilder().also { append(it, value, 0) }.append('\n').toString()

    private fun append(
        out: StringBuilder,
        value: Any?,
        depth: Int,
    ) {
        when (value) {
            null, is Boolean, is Int, is Long -> {
                out.append(value)
            }

            is Double -> {
                out.append(value.also { require(it.isFinite()) { "JSON has no number for $it" } })
            }

            is String -> {
                quote(out, value)
            }

            is Map<*, *> -> {
                lines(out, '{', '}', value.entries, depth) { (key, member) ->
                    quote(out, key as String)
                    out.append(": ")
                    append(out, member, depth + 1)
                }
            }

            is List<*> -> {
                lines(out, '[', ']', value, depth) { append(out, it, depth + 1) }
            }

            else -> {
                throw IllegalArgumentException("JSON has nothing for ${value.javaClass.name}")
            }
        }
    }

    private fun <T> lines(
        out: StringBuilder,
        open: Char,
        close: Char,
        items: Collection<T>,
        depth: Int,
        write: (T) -> Unit,
    ) {
        out.append(open)
        items.forEachIndexed { i, item ->
            out.append(if (i > 0) "," else "").append('\n').append(" ".repeat(depth + 1))
            write(item)
        }
        if (items.isNotEmpty()) out.append('\n').append(" ".repeat(depth))
        out.append(close)
    }

    private fun quote(
        out: StringBuilder,
        text: String,
    ) {
        out.append('"')
        for (c in text) {
            when {
                c == '"' || c == '\\' -> out.append('\\').append(c)
                c < ' ' -> out.append("\\u%04x".format(c.code))
                else -> out.append(c)
            }
        }
        out.append('"')
    }
}
