package dev.img2imu.core

import java.nio.ByteBuffer
import kotlin.math.exp
import kotlin.math.sqrt

/**
 * Stands in for a network where there is no LiteRT: the softmax of four times the mean of each of the last channels.
 *
 * Before the softmax, the values are clipped to -20..20, as in golden/remake.py.
 */
class MeanInterpreter(
    contract: Contract,
) : Interpreter {
    private val labels = contract.labels.size
    private val samples = contract.windowSamples
    private val channels = contract.stream.channels.size
    override val runtime = "none"
    override val threads = 1
    override val inputs = listOf(Tensor("args_0", FLOAT32, listOf(1, samples, channels)))
    override val outputs =
        listOf(
            Tensor("output_0", FLOAT32, listOf(1, labels)),
            Tensor("output_1", FLOAT32, listOf(1, 1)),
        )

    override fun run(
        inputs: Map<String, ByteBuffer>,
        outputs: Map<String, ByteBuffer>,
    ) {
        val window = inputs.getValue("args_0").asFloatBuffer()
        val exponents =
            DoubleArray(labels) { label ->
                val column = channels - labels + label
                var sum = 0.0
                for (i in 0 until samples) sum += window.get(i * channels + column)
                exp((4 * sum / samples).coerceIn(-20.0, 20.0))
            }
        val answer = outputs.getValue("output_0").asFloatBuffer()
        for (i in 0 until labels) answer.put((exponents[i] / exponents.sum()).toFloat())
    }

    override fun close() = Unit
}

/** Gives an embedding with mean and standard deviation of each channel as its last values, and zeros before them. */
class EmbeddingInterpreter(
    private val contract: Contract,
) : Interpreter by MeanInterpreter(contract) {
    private val channels = contract.stream.channels.size
    private val size = 1 + 2 * contract.frontEnd.run { nImages * imageHeight * 3 } + 2 * channels
    override val outputs =
        listOf(
            Tensor("output_0", FLOAT32, listOf(1, contract.labels.size)),
            Tensor("output_1", FLOAT32, listOf(1, size)),
        )

    override fun run(
        inputs: Map<String, ByteBuffer>,
        outputs: Map<String, ByteBuffer>,
    ) {
        val window = inputs.getValue("args_0").asFloatBuffer()
        val embedding = outputs.getValue("output_1").asFloatBuffer()
        for (channel in 0 until channels) {
            val values = List(contract.windowSamples) { window.get(it * channels + channel).toDouble() }
            val mean = values.average()
            embedding.put(size - 2 * channels + channel, mean.toFloat())
            val variance = values.sumOf { (it - mean) * (it - mean) } / values.size
            embedding.put(size - channels + channel, sqrt(variance).toFloat())
        }
    }
}
