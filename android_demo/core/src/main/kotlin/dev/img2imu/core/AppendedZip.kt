package dev.img2imu.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.CRC32
import java.util.zip.DataFormatException
import java.util.zip.Inflater

private const val END_SIGNATURE = 0x06054b50
private const val CENTRAL_SIGNATURE = 0x02014b50
private const val LOCAL_SIGNATURE = 0x04034b50
private const val END_BYTES = 22
private const val CENTRAL_BYTES = 46
private const val LOCAL_BYTES = 30
private const val MAX_COMMENT_BYTES = 0xffff
private const val STORED = 0
private const val DEFLATED = 8

/** Bytes that do not end in a zip, or end in a damaged one. */
internal class BadZip(
    message: String,
) : Exception(message)

/**
 * Reads a zip at the end of other bytes, in memory; `java.util.zip` reads only files that are a zip from the start.
 *
 * Offsets may count from the beginning of the zip (as Python's zipfile writes them) or from that of the file. Layout:
 * APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
 *
 * @property start where the zip begins; the bytes before it are what it was appended to.
 */
internal class AppendedZip(
    private val content: ByteArray,
) {
    private class Entry(
        val method: Int,
        val crc: Long,
        val packedBytes: Int,
        val header: Int,
    )

    private val data = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN)
    private val entries = HashMap<String, Entry>()
    val start: Int

    init {
        val end = findEnd()
        val directory = end - int(end + 12)
        val shift = directory - int(end + 16)
        var at = directory
        repeat(short(end + 10)) {
            if (directory < 0 || int(at) != CENTRAL_SIGNATURE) throw BadZip("its directory is damaged")
            val nameBytes = short(at + 28)
            val name = String(slice(at + CENTRAL_BYTES, nameBytes), Charsets.UTF_8)
            entries[name] =
                Entry(short(at + 10), int(at + 16).toLong() and 0xffffffffL, int(at + 20), int(at + 42) + shift)
            at += CENTRAL_BYTES + nameBytes + short(at + 30) + short(at + 32)
        }
        start = entries.values.minOfOrNull { it.header } ?: throw BadZip("it is empty")
        if (start !in 0..content.size) throw BadZip("its directory is damaged")
    }

    /**
     * Return the content of an entry, or null if there is none. The length is checked while reading, since a header
     * can be wrong.
     *
     * @throws BadZip it is damaged, compressed in another way than deflate, or longer than [limit] bytes.
     */
    fun read(
        name: String,
        limit: Int,
    ): ByteArray? {
        val entry = entries[name] ?: return null
        if (int(entry.header) != LOCAL_SIGNATURE) throw BadZip("no entry where the directory says")
        val nameBytes = short(entry.header + 26)
        val storedName = String(slice(entry.header + LOCAL_BYTES, nameBytes), Charsets.UTF_8)
        if (storedName != name) throw BadZip("another entry's place")
        val begin = entry.header + LOCAL_BYTES + nameBytes + short(entry.header + 28)
        val packed = slice(begin, entry.packedBytes)
        val unpacked =
            when (entry.method) {
                STORED -> packed.also { if (it.size > limit) throw BadZip("more than $limit bytes") }
                DEFLATED -> inflate(packed, limit)
                else -> throw BadZip("neither stored nor deflated")
            }
        if (CRC32().also { it.update(unpacked) }.value != entry.crc) throw BadZip("its checksum is wrong")
        return unpacked
    }

    private fun findEnd(): Int {
        val last = content.size - END_BYTES
        for (at in last downTo maxOf(0, last - MAX_COMMENT_BYTES)) {
            if (int(at) == END_SIGNATURE) return at
        }
        throw BadZip("no zip")
    }

    private fun inflate(
        packed: ByteArray,
        limit: Int,
    ): ByteArray {
        val inflater = Inflater(true)
        try {
            inflater.setInput(packed)
            var out = ByteArray(minOf(limit, 1 shl 16) + 1)
            var size = 0
            while (!inflater.finished()) {
                if (size > limit) throw BadZip("more than $limit bytes")
                if (size == out.size) out = out.copyOf(minOf(limit.toLong() + 1, 2L * size).toInt())
                val more = inflater.inflate(out, size, out.size - size)
                if (more == 0 && !inflater.finished() && size < out.size) throw BadZip("it was cut short")
                size += more
            }
            if (size > limit) throw BadZip("more than $limit bytes")
            return out.copyOf(size)
        } catch (error: DataFormatException) {
            throw BadZip(error.message ?: "it cannot be unpacked")
        } finally {
            inflater.end()
        }
    }

    private fun int(at: Int): Int = if (at in 0..content.size - 4) data.getInt(at) else throw BadZip("it was cut short")

    private fun short(at: Int): Int =
        if (at in 0..content.size - 2) data.getShort(at).toInt() and 0xffff else throw BadZip("it was cut short")

    private fun slice(
        at: Int,
        size: Int,
    ): ByteArray {
        if (at < 0 || size < 0 || at > content.size - size) throw BadZip("it was cut short")
        return content.copyOfRange(at, at + size)
    }
}
