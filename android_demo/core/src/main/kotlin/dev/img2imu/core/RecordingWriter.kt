package dev.img2imu.core

import java.io.Closeable
import java.io.File
import java.io.FileOutputStream
import java.io.IOException

private const val SYNC_NS = 1_000_000_000L
private const val LEAST_FREE_BYTES = 16L shl 20 // of storage, below which nothing more is written

/**
 * Appends samples to a new CSV file in the toolkit's format (docs/recordings.md), in whole lines, and has the storage
 * keep them every second: whatever happens, at most the last second is lost.
 *
 * @param directory to make the file in; it is made too.
 * @param name of the file, without ending; a number is added where that exists already.
 * @property file as it is called.
 * @property samples written.
 * @property dropped samples left out, because they were late or no numbers.
 * @throws OutputError the file cannot be made, or the storage is nearly full.
 */
class RecordingWriter(
    directory: File,
    name: String,
    channels: List<String>,
) : Closeable {
    val file: File
    private val out: FileOutputStream
    private val line = StringBuilder()
    private var wholeBytes = 0L
    private var lastS = Double.NEGATIVE_INFINITY
    private var syncedNs = System.nanoTime()
    private var closed = false
    var samples = 0L
        private set
    var dropped = 0L
        private set

    init {
        directory.mkdirs()
        file =
            generateSequence(1) { it + 1 }
                .map { File(directory, if (it == 1) "$name.csv" else "$name-$it.csv") }
                .first { !it.exists() }
        requireSpace()
        out = guarded { FileOutputStream(file) }
        line.append("time_s,").append(channels.joinToString(",")).append(",sample\n")
        append()
    }

    /**
     * Append a sample; one that is late or not finite is left out.
     *
     * @throws OutputError the storage is full, or the like; the file holds what was written before, in whole lines.
     */
    fun write(
        timeS: Double,
        values: FloatArray,
    ) {
        if (!timeS.isFinite() || timeS <= lastS || values.any { !it.isFinite() }) {
            dropped++
            return
        }
        line.append(timeS)
        for (value in values) line.append(',').append(value)
        line.append(',').append(samples).append('\n')
        append()
        samples++
        lastS = timeS
        if (System.nanoTime() - syncedNs >= SYNC_NS) {
            guarded { out.fd.sync() }
            syncedNs = System.nanoTime()
            requireSpace()
        }
    }

    /**
     * Have the storage keep everything, and let go of the file; closing twice does no harm.
     *
     * @throws OutputError the storage failed.
     */
    override fun close() {
        if (closed) return
        closed = true
        guarded { out.use { it.fd.sync() } }
    }

    private fun append() {
        val bytes = line.toString().toByteArray()
        line.clear()
        guarded { out.write(bytes) }
        wholeBytes += bytes.size
    }

    private fun requireSpace() {
        val free = file.absoluteFile.parentFile?.usableSpace ?: 0
        if (free < LEAST_FREE_BYTES) {
            throw OutputError(
                "$file cannot go on: ${free shr 20} MB of storage are free, expected ${LEAST_FREE_BYTES shr 20} or " +
                    "more; delete something, what was recorded is kept",
            )
        }
    }

    private inline fun <T> guarded(action: () -> T): T =
        try {
            action()
        } catch (error: IOException) {
            try {
                if (wholeBytes > 0) out.channel.truncate(wholeBytes) // no half a line
            } catch (_: IOException) {
                // it cannot be cut either: the readers pass over a broken last line
            }
            throw OutputError("$file cannot be written (${error.message}): free some storage, or choose another place")
        }
}
