package dev.img2imu.core

import java.nio.ByteBuffer
import java.nio.ByteOrder

private const val IMAGES = "args_0" // names in the signature, in the order of the exported module
private const val STATISTICS = "args_1"
private const val PROBABILITIES = "output_0"
private const val EMBEDDING = "output_1"

/**
 * A network that takes features, or raw windows, and gives probabilities and the embedding.
 *
 * @property interpreter the loaded network; [close] closes it.
 * @property takesWindows whether the front end is inside the network, so that it takes the window as it is.
 * @throws ContractError the network's tensors do not fit the contract.
 */
class Model(
    val interpreter: Interpreter,
    contract: Contract,
) : AutoCloseable {
    private val inputs = interpreter.inputs.associateBy { it.name }
    private val outputs = interpreter.outputs.associateBy { it.name }
    val takesWindows = inputs.keys == setOf(IMAGES) && inputs.getValue(IMAGES).shape.size == 3

    init {
        check(contract)
    }

    private val given = interpreter.inputs.associate { it.name to buffer(it) }
    private val answers = interpreter.outputs.associate { it.name to buffer(it) }
    private val window = FloatArray(contract.windowSamples * contract.stream.channels.size)

    /** Of the newest window: (labels). */
    val probabilities = FloatArray(contract.labels.size)

    /** Of the newest window: what the linear head looks at, before standardisation. */
    val embedding = FloatArray(outputs.getValue(EMBEDDING).size)

    /** Compute [probabilities] and [embedding] of features. */
    fun infer(features: Features) {
        put(IMAGES, features.images)
        put(STATISTICS, features.statistics)
        run()
    }

    /** Compute [probabilities] and [embedding] of the window that stands in [samples] from index [from] on. */
    fun infer(
        samples: DoubleArray,
        from: Int,
    ) {
        for (i in window.indices) window[i] = samples[from + i].toFloat()
        put(IMAGES, window)
        run()
    }

    override fun close() = interpreter.close()

    private fun put(
        name: String,
        values: FloatArray,
    ) = Quantiser.store(values, inputs.getValue(name), given.getValue(name))

    private fun run() {
        interpreter.run(given, answers)
        Quantiser.load(answers.getValue(PROBABILITIES), outputs.getValue(PROBABILITIES), probabilities)
        Quantiser.load(answers.getValue(EMBEDDING), outputs.getValue(EMBEDDING), embedding)
    }

    private fun check(contract: Contract) {
        val front = contract.frontEnd
        val channels = contract.stream.channels.size
        if (takesWindows) {
            expect(inputs[IMAGES], "windows", listOf(1, contract.windowSamples, channels), floatOnly = true)
        } else {
            expect(inputs[IMAGES], "images", listOf(front.nImages, front.imageHeight, front.imageWidth, 3))
            expect(inputs[STATISTICS], "statistics", listOf(1, WindowStatistics(contract).size), floatOnly = true)
        }
        expect(outputs[PROBABILITIES], "probabilities", listOf(1, contract.labels.size))
        val embedding = outputs[EMBEDDING]
        expect(embedding, "embedding", listOf(1, embedding?.size ?: 0), floatOnly = true)
    }

    private fun expect(
        tensor: Tensor?,
        name: String,
        shape: List<Int>,
        floatOnly: Boolean = false,
    ) {
        val type = tensor?.type
        val typed = type == TensorType.FLOAT32 || (type != null && !floatOnly && tensor.scale > 0)
        if (tensor?.shape != shape || !typed) {
            throw ContractError(
                "the network's $name are $type ${tensor?.shape}, the contract says FLOAT32 $shape: export the model " +
                    "again",
            )
        }
    }

    private fun buffer(tensor: Tensor): ByteBuffer =
        ByteBuffer.allocateDirect(tensor.size * tensor.type.bytes).order(ByteOrder.nativeOrder())
}
