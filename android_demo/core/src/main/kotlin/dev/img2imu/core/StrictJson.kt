package dev.img2imu.core

import kotlin.math.abs

/** A document with another content than expected. */
class JsonError(
    message: String,
) : Exception(message)

/**
 * One JSON object, read strictly: an unknown key, a missing key or a value of another type is an error.
 *
 * @param value a parsed document, see [JsonParser].
 * @param where the place in the document, for messages.
 * @param names keys that must be there.
 * @param optional keys that may be there.
 * @throws JsonError the message names the place, the value and what was expected; the caller adds the remedy.
 */
class StrictJson(
    value: Any?,
    private val where: String,
    names: List<String>,
    optional: List<String> = emptyList(),
) {
    private val members: Map<*, *>

    init {
        members = value as? Map<*, *> ?: throw JsonError("$where is ${show(value)}, expected an object")
        val unknown =
            members.keys
                .map { it as String }
                .filter { it !in names && it !in optional }
                .minOrNull()
        if (unknown != null) {
            val allowed = (names + optional).joinToString(", ")
            throw JsonError(
                "$where has the unknown key ${show(unknown)}, expected only $allowed; " +
                    "the document was written by another version or by hand",
            )
        }
        names.firstOrNull { it !in members }?.let { throw JsonError("$where lacks the key '$it'") }
    }

    operator fun contains(name: String): Boolean = name in members

    /** Return the member as it was parsed, and its place. */
    fun raw(name: String): Pair<Any?, String> = members[name] to "$where.$name"

    fun text(name: String): String = text(members[name], "$where.$name")

    fun whole(name: String): Int = whole(members[name], "$where.$name")

    fun number(name: String): Double = number(members[name], "$where.$name")

    fun numberOrNull(name: String): Double? = members[name]?.let { number(it, "$where.$name") }

    fun numbers(name: String): List<Double> = list(name, ::number)

    fun texts(name: String): List<String> = list(name, ::text)

    /** Return a list, each element converted by [convert] from its value and its place. */
    fun <T> list(
        name: String,
        convert: (Any?, String) -> T,
    ): List<T> = list(members[name], "$where.$name", convert)

    /** Return an object with keys of any name, each value converted by [convert]. */
    fun <T> map(
        name: String,
        convert: (Any?, String) -> T,
    ): Map<String, T> {
        val value = members[name] as? Map<*, *> ?: fail("$where.$name", members[name], "an object")
        return value.entries.associate { (key, member) -> key as String to convert(member, "$where.$name.$key") }
    }

    companion object {
        fun text(
            value: Any?,
            where: String,
        ): String = value as? String ?: fail(where, value, "text")

        fun number(
            value: Any?,
            where: String,
        ): Double {
            val number = (value as? Number)?.toDouble() ?: Double.NaN
            return if (abs(number) <= Double.MAX_VALUE) number else fail(where, value, "a finite number")
        }

        /** Return a whole number. One that no Int holds becomes the nearest Int, which is far outside every limit. */
        fun whole(
            value: Any?,
            where: String,
        ): Int {
            val whole = value as? Long ?: fail(where, value, "a whole number")
            return whole.coerceIn(Int.MIN_VALUE.toLong(), Int.MAX_VALUE.toLong()).toInt()
        }

        fun <T> list(
            value: Any?,
            where: String,
            convert: (Any?, String) -> T,
        ): List<T> {
            val list = value as? List<*> ?: fail(where, value, "a list")
            return list.mapIndexed { i, element -> convert(element, "$where[$i]") }
        }

        /** Return a value as one line of at most [length] characters. */
        fun show(
            value: Any?,
            length: Int = 40,
        ): String {
            val written = if (value is String) "'${value.take(length)}'" else value.toString()
            val text = String(CharArray(written.length) { if (written[it].isISOControl()) '?' else written[it] })
            return if (text.length <= length) text else text.take(length - 3) + "..."
        }

        private fun fail(
            where: String,
            value: Any?,
            expected: String,
        ): Nothing = throw JsonError("$where is ${show(value)}, expected $expected")
    }
}
