package dev.img2imu.core

import java.io.DataInputStream
import java.io.DataOutputStream
import java.io.EOFException
import java.io.File
import java.io.IOException

private const val MAX_LABEL_CHARACTERS = 80
private const val MAX_EXAMPLES = 40 // of all labels; the head takes a second or two for so many
private const val POSTURE = 2 // of the statistics: mean and std of each channel, a block of their own for the head

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
 * Windows with labels, and the closed-form head that follows from them: new motions without a computer.
 *
 * @throws ContractError the network's embedding is not made of what the head weighs.
 */
class Teacher(
    private val contract: Contract,
    private val model: Model,
) {
    private class Example(
        val label: String,
        val window: DoubleArray,
        val embedding: FloatArray,
        val copies: List<FloatArray>,
    )

    private val examples = ArrayList<Example>()
    private val frontEnd = FrontEnd(contract)
    private val blocks = embeddingBlocks(contract, model.embedding.size)

    /** Windows of each label, in the order of teaching. */
    val counts: Map<String, Int> get() = examples.groupingBy { it.label }.eachCount()

    /**
     * Learn from a window.
     *
     * @param window samples one after another, all channels of each.
     * @throws DataError the label is no name, or there are too many windows.
     */
    fun add(
        label: String,
        window: DoubleArray,
    ) {
        if (!isLine(label) || label != label.trim() || label.length > MAX_LABEL_CHARACTERS) {
            throw DataError(
                "the label is '${StrictJson.show(
                    label,
                )}', expected one line of 1 to $MAX_LABEL_CHARACTERS characters " +
                    "without spaces at the ends: give it another name",
            )
        }
        if (examples.size >= MAX_EXAMPLES) {
            throw DataError("$MAX_EXAMPLES windows are taught, which is the most: clear them, or go on with these")
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

    /** The head that follows, or null while there are fewer than two labels. */
    fun fit(): Taught? {
        val labels = examples.map { it.label }.distinct()
        if (labels.size < 2) return null
        val classes = IntArray(examples.size) { labels.indexOf(examples[it].label) }
        val copies = examples[0].copies.indices.map { i -> examples.map { it.copies[i] } }
        return Taught(labels, fitHead(examples.map { it.embedding }, classes, blocks, copies))
    }

    /** Keep the windows in a file; they are small, and the head follows from them. */
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

    /** Read what [save] wrote; windows of another model, and what was cut short, are left out. */
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
        if (model.takesWindows) {
            model.infer(window, 0)
        } else {
            frontEnd.reset()
            frontEnd.advance(window, 0, contract.windowSamples)
            model.infer(frontEnd.features)
        }
        return model.embedding.copyOf()
    }
}

/**
 * Sizes of the blocks of the network's embedding, which the head weighs alike: the network's texture, mean and peak of
 * every image row, the posture, the other statistics.
 *
 * @throws ContractError the embedding of [size] values is made of something else.
 */
internal fun embeddingBlocks(
    contract: Contract,
    size: Int,
): List<Int> {
    val front = contract.frontEnd
    val spectrum = 2 * front.nImages * front.imageHeight * 3
    val statistics = WindowStatistics(contract).size
    val posture = POSTURE * contract.stream.channels.size
    val texture = size - spectrum - statistics
    if (texture < 1 || front.statistics.take(POSTURE) != listOf("mean", "std")) {
        throw ContractError(
            "the network of '${contract.name}' gives embeddings of $size values, expected more than " +
                "${spectrum + statistics}: teach with a model written by img2imu export",
        )
    }
    return listOf(texture, spectrum, posture, statistics - posture).filter { it > 0 }
}
