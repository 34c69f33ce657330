package dev.img2imu.core

import java.io.DataInputStream
import java.io.DataOutputStream
import java.io.EOFException
import java.io.File
import java.io.IOException

private const val MAX_LABEL_CHARACTERS = 80
private const val MAX_EXAMPLES = 40 // of all labels together; fitting the head to 40 takes a second or two
private val POSTURE = listOf("mean", "std") // the first statistics: a block of their own for the head

/**
 * What was taught on the phone.
 *
 * @property labels in the order of the head's probabilities.
 */
class Taught(
    val labels: List<String>,
    val head: LinearHead,
)

/**
 * Learns new motions from labelled windows, without a computer: their embeddings, and a closed-form head.
 *
 * @param file the model file, for its contract and the size of its statistics.
 * @throws ContractError the network's embedding is not made of the parts that the head expects.
 */
class Teacher(
    file: ModelFile,
    private val model: Model,
) {
    private val contract = file.contract

    private class Example(
        val label: String,
        val window: DoubleArray,
        val embedding: FloatArray,
        val copies: List<FloatArray>,
    )

    private val examples = ArrayList<Example>()
    private val blocks = embeddingBlocks(contract, file.golden.nStatistics, model.embedding.size)

    /** Number of windows of each label, in the order of teaching. */
    val counts: Map<String, Int> get() = examples.groupingBy { it.label }.eachCount()

    /**
     * Learn from a window.
     *
     * @param window samples one after another, all channels of each.
     * @throws DataError the label is not a name, or there are too many windows.
     */
    fun add(
        label: String,
        window: DoubleArray,
    ) {
        if (!isLine(label) || label != label.trim() || label.length > MAX_LABEL_CHARACTERS) {
            throw DataError(
                "the label is ${StrictJson.show(label)}, expected one line of 1 to $MAX_LABEL_CHARACTERS characters " +
                    "without spaces at the ends: give it another name",
            )
        }
        if (examples.size >= MAX_EXAMPLES) {
            throw DataError("$MAX_EXAMPLES windows are taught, expected $MAX_EXAMPLES at most: forget some of them")
        }
        val copies = nuisanceCopies(window, contract.stream.channels).map(::embed)
        examples.add(Example(label, window, embed(window), copies))
    }

    /** Forget the newest window. */
    fun undo() {
        examples.removeLastOrNull()
    }

    /** Forget every window. */
    fun clear() = examples.clear()

    /** Fit a head on the windows; null while there are fewer than two labels. */
    fun fit(): Taught? {
        val labels = examples.map { it.label }.distinct()
        if (labels.size < 2) return null
        val classes = IntArray(examples.size) { labels.indexOf(examples[it].label) }
        val copies = examples[0].copies.indices.map { i -> examples.map { it.copies[i] } }
        return Taught(labels, fitHead(examples.map { it.embedding }, classes, blocks, copies))
    }

    /** Write the windows to a file; the head can be fitted on them again. */
    fun save(file: File) {
        val partial = File(file.path + ".new")
        try {
            DataOutputStream(partial.outputStream().buffered()).use { out ->
                for (example in examples) {
                    out.writeUTF(example.label)
                    out.writeInt(example.window.size)
                    example.window.forEach(out::writeDouble)
                }
            }
            if (!partial.renameTo(file)) throw IOException("it cannot be renamed")
        } catch (error: IOException) {
            throw OutputError("what was taught cannot be kept in $file (${error.message}): free some storage")
        }
    }

    /** Read what [save] wrote, up to the first window that is cut short or of another model. */
    fun load(file: File) {
        val size = contract.windowSamples * contract.stream.channels.size
        try {
            DataInputStream(file.inputStream().buffered()).use { input ->
                while (true) {
                    val label = input.readUTF()
                    if (input.readInt() != size) return
                    add(label, DoubleArray(size) { input.readDouble() })
                }
            }
        } catch (_: EOFException) {
            return
        } catch (_: IOException) {
            return
        }
    }

    private fun embed(window: DoubleArray): FloatArray {
        model.infer(window, 0)
        return model.embedding.copyOf()
    }
}

/**
 * Return the sizes of the embedding's blocks, to which the head gives equal weight: the network's texture, the mean and
 * peak of every image row, the posture, and the other statistics.
 *
 * @param nStatistics number of statistics of a window, with the posture.
 * @throws ContractError an embedding of [size] values is made of something else.
 */
internal fun embeddingBlocks(
    contract: Contract,
    nStatistics: Int,
    size: Int,
): List<Int> {
    val front = contract.frontEnd
    val spectrum = 2 * front.nImages * front.imageHeight * 3
    val posture = POSTURE.size * contract.stream.channels.size
    val texture = size - spectrum - nStatistics
    if (texture < 1 || nStatistics < posture || front.statistics.take(POSTURE.size) != POSTURE) {
        throw ContractError(
            "the network of '${contract.name}' gives embeddings of $size values, expected more than " +
                "${spectrum + nStatistics}: teach with a model written by img2imu export --target android",
        )
    }
    return listOf(texture, spectrum, posture, nStatistics - posture).filter { it > 0 }
}
