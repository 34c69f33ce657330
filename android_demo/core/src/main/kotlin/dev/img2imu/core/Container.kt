package dev.img2imu.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.charset.CharacterCodingException
import java.security.MessageDigest

private const val CONTRACT_NAME = "img2imu.json"
private const val HASH_NAME = "tflite.sha256"
private const val MAX_FILE_BYTES = 256 shl 20
private const val MAX_TEXT_BYTES = 1 shl 20
private const val MAX_ARRAY_BYTES = 16 shl 20
private const val IMAGE_STRIDE = 8 // the file holds every 8th pixel of the golden images, in both directions
private val TFLITE_IDENTIFIER = "TFL3".toByteArray() // bytes 4 to 8 of a TensorFlow Lite FlatBuffer

/**
 * Real windows, and what the model answered to them when it was exported; row-major, see docs/contract.md.
 *
 * @property n number of windows.
 * @property windows (n, windowSamples, channels), SI units.
 * @property statistics (n, nStatistics), what the network computes in addition to the images.
 * @property probabilities (n, labels).
 */
class Golden(
    val n: Int,
    val windows: FloatArray,
    val statistics: FloatArray,
    val probabilities: FloatArray,
) {
    /** Statistics of a window, a part of its embedding. */
    val nStatistics: Int get() = statistics.size / n
}

/** The content of a model file. */
class ModelFile(
    val tflite: ByteArray,
    val contract: Contract,
    val golden: Golden,
)

/** Reads a model file: a valid `.tflite` with a zip appended that holds the contract. */
object Container {
    /**
     * Read and validate a model file.
     *
     * @param content the whole file.
     * @param name of the file, for messages.
     * @throws ContractError it is not a `.tflite`, has no contract, is damaged, or has a newer schema.
     */
    fun read(
        content: ByteArray,
        name: String,
    ): ModelFile {
        if (content.size < 8 || !content.copyOfRange(4, 8).contentEquals(TFLITE_IDENTIFIER)) {
            throw ContractError("$name is not a .tflite model: give a file written by img2imu export")
        }
        if (content.size > MAX_FILE_BYTES) {
            throw ContractError(
                "$name has ${content.size} bytes, expected $MAX_FILE_BYTES at most: give a smaller file",
            )
        }
        val archive =
            try {
                AppendedZip(content)
            } catch (_: BadZip) {
                throw ContractError(
                    "$name is a .tflite without an img2imu contract, or one that was cut short: give a file written " +
                        "by img2imu export, copied whole",
                )
            }
        val text = entry(archive, CONTRACT_NAME, MAX_TEXT_BYTES, name)
        val arrays =
            listOf("windows", "statistics", "image_samples", "probabilities").map {
                floats(entry(archive, "golden/$it.f32", MAX_ARRAY_BYTES, name))
            }
        val digest = entry(archive, HASH_NAME, MAX_TEXT_BYTES, name)
        val tflite = content.copyOf(archive.start)
        val contract = ContractReader.read(decode(text, name))
        if (!sha256(tflite).contentEquals(digest)) {
            throw ContractError(
                "$name is damaged (the network is not the one that was exported): copy or export the model again",
            )
        }
        return ModelFile(tflite, contract, golden(arrays, contract, name))
    }

    private fun entry(
        archive: AppendedZip,
        entry: String,
        limit: Int,
        name: String,
    ): ByteArray {
        val content =
            try {
                archive.read(entry, limit)
            } catch (error: BadZip) {
                throw ContractError("$name is damaged ($entry: ${error.message}): copy or export the model again")
            }
        return content ?: throw ContractError(
            "$name is a .tflite without an img2imu contract ($entry is missing in its zip): give a file written by " +
                "img2imu export",
        )
    }

    private fun decode(
        content: ByteArray,
        name: String,
    ): String =
        try {
            Charsets.UTF_8
                .newDecoder()
                .decode(ByteBuffer.wrap(content))
                .toString()
        } catch (_: CharacterCodingException) {
            throw ContractError("$name is damaged ($CONTRACT_NAME is not UTF-8 text): export the model again")
        }

    private fun sha256(content: ByteArray): ByteArray =
        MessageDigest
            .getInstance("SHA-256")
            .digest(content)
            .joinToString("") { "%02x".format(it) }
            .toByteArray()

    private fun floats(content: ByteArray): FloatArray {
        val values = FloatArray(content.size / Float.SIZE_BYTES)
        ByteBuffer
            .wrap(content)
            .order(ByteOrder.LITTLE_ENDIAN)
            .asFloatBuffer()
            .get(values)
        return values
    }

    private fun golden(
        arrays: List<FloatArray>,
        contract: Contract,
        name: String,
    ): Golden {
        val (windows, statistics, images, probabilities) = arrays
        val front = contract.frontEnd
        val perWindow = contract.windowSamples * contract.stream.channels.size
        val perImage = sampledPixels(front.imageHeight) * sampledPixels(front.imageWidth) * 3
        val n = windows.size / perWindow
        val fits =
            n > 0 && windows.size == n * perWindow && statistics.size % n == 0 &&
                images.size == n * front.nImages * perImage && probabilities.size == n * contract.labels.size
        if (!fits) {
            throw ContractError("$name holds golden vectors that do not fit its contract: export the model again")
        }
        return Golden(n, windows, statistics, probabilities)
    }

    private fun sampledPixels(pixels: Int): Int = (pixels + IMAGE_STRIDE - 1) / IMAGE_STRIDE
}
