package dev.img2imu.core

import java.io.Closeable
import java.io.File
import java.io.FileOutputStream
import java.io.IOException

private const val SYNC_NS = 1_000_000_000L
private const val LEAST_FREE_BYTES = 16L shl 20 // with less free storage nothing more is written

/**
 * Appends samples to a new CSV file in the toolkit's format (docs/recordings.md).
 *
 * It writes whole lines and syncs them to the storage every second, so that at most the last second is lost.
 *
 * @param directory where the file is made; it is created if missing.
 * @param name of the file without ending; a number is added if such a file exists.
 * @property file the file that is written.
 * @property samples number of samples written.
 * @property dropped number of samples left out because they were late or not finite.
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
     * @throws OutputError the storage is full or failed; the file keeps what was written before, in whole lines.
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
     * Sync everything to the storage and close the file; closing twice does no harm.
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
                if (wholeBytes > 0) out.channel.truncate(wholeBytes) // cut half a line off
            } catch (_: IOException) {
                // it cannot be cut either: the readers ignore a broken last line
            }
            throw OutputError("$file cannot be written (${error.message}): free some storage, or choose another place")
        }
}
