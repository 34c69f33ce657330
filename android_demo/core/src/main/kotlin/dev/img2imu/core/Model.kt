package dev.img2imu.core

import java.nio.ByteBuffer
import java.nio.ByteOrder

private const val WINDOW = "args_0" // names in the signature, in the order of the exported module
private const val PROBABILITIES = "output_0"
private const val EMBEDDING = "output_1"

/**
 * A network that takes raw windows and gives probabilities and the embedding; its front end is inside it.
 *
 * @property interpreter the loaded network; [close] closes it.
 * @throws ContractError the network takes spectrogram images, or its tensors do not fit the contract.
 */
class Model(
    val interpreter: Interpreter,
    contract: Contract,
) : AutoCloseable {
    private val outputs = interpreter.outputs.associateBy { it.name }

    init {
        check(contract)
    }

    private val inputBuffers = interpreter.inputs.associate { it.name to buffer(it) }
    private val outputBuffers = interpreter.outputs.associate { it.name to buffer(it) }
    private val window = FloatArray(contract.windowSamples * contract.stream.channels.size)

    /** Probabilities (labels) of the newest window. */
    val probabilities = FloatArray(contract.labels.size)

    /** Embedding of the newest window: what the linear head looks at, before standardisation. */
    val embedding = FloatArray(outputs.getValue(EMBEDDING).size)

    /** Compute [probabilities] and [embedding] of the window that starts in [samples] at index [from]. */
    fun infer(
        samples: DoubleArray,
        from: Int,
    ) {
        for (i in window.indices) window[i] = samples[from + i].toFloat()
        floats(inputBuffers, WINDOW).put(window)
        interpreter.run(inputBuffers, outputBuffers)
        floats(outputBuffers, PROBABILITIES).get(probabilities)
        floats(outputBuffers, EMBEDDING).get(embedding)
    }

    override fun close() = interpreter.close()

    private fun check(contract: Contract) {
        val input = interpreter.inputs.singleOrNull { it.name == WINDOW && it.shape.size == 3 }
        if (input == null || interpreter.inputs.size != 1) {
            throw ContractError(
                "the network of '${contract.name}' takes spectrogram images, expected raw windows: make the file " +
                    "again with img2imu export --target android",
            )
        }
        expect(input, "windows", listOf(1, contract.windowSamples, contract.stream.channels.size))
        expect(outputs[PROBABILITIES], "probabilities", listOf(1, contract.labels.size))
        val embedding = outputs[EMBEDDING]
        expect(embedding, "embedding", listOf(1, embedding?.size ?: 0))
    }

    private fun expect(
        tensor: Tensor?,
        name: String,
        shape: List<Int>,
    ) {
        if (tensor?.type != FLOAT32 || tensor.shape != shape) {
            throw ContractError(
                "the network's $name are ${tensor?.type} ${tensor?.shape}, the contract says $FLOAT32 $shape: make " +
                    "the file again with img2imu export --target android",
            )
        }
    }

    private fun buffer(tensor: Tensor): ByteBuffer =
        ByteBuffer.allocateDirect(tensor.size * Float.SIZE_BYTES).order(ByteOrder.nativeOrder())

    private fun floats(
        buffers: Map<String, ByteBuffer>,
        name: String,
    ) = buffers.getValue(name).apply { clear() }.asFloatBuffer()
}
