package dev.img2imu.core

import java.nio.ByteBuffer
import kotlin.math.exp

/** Stands in for a network where no LiteRT is: the softmax of the first statistics, one per label. */
class StatisticsInterpreter(
    contract: Contract,
) : Interpreter {
    private val labels = contract.labels.size
    override val runtime = "none"
    override val threads = 1
    override val inputs =
        contract.frontEnd.run {
            listOf(
                Tensor("args_0", TensorType.FLOAT32, listOf(nImages, imageHeight, imageWidth, 3)),
                Tensor("args_1", TensorType.FLOAT32, listOf(1, WindowStatistics(contract).size)),
            )
        }
    override val outputs =
        listOf(
            Tensor("output_0", TensorType.FLOAT32, listOf(1, labels)),
            Tensor("output_1", TensorType.FLOAT32, listOf(1, 1)),
        )

    override fun run(
        inputs: Map<String, ByteBuffer>,
        outputs: Map<String, ByteBuffer>,
    ) {
        val statistics = inputs.getValue("args_1").asFloatBuffer()
        val exponents = DoubleArray(labels) { exp(statistics.get(it) / 10.0) }
        val answer = outputs.getValue("output_0").asFloatBuffer()
        for (i in 0 until labels) answer.put((exponents[i] / exponents.sum()).toFloat())
    }

    override fun close() = Unit
}

/** The statistics as the embedding, among nothing else of worth: enough to teach. */
class EmbeddingInterpreter(
    private val contract: Contract,
) : Interpreter by StatisticsInterpreter(contract) {
    private val statistics = WindowStatistics(contract).size
    private val size = 2 * contract.frontEnd.run { nImages * imageHeight * 3 } + 1 + statistics
    override val outputs =
        listOf(
            Tensor("output_0", TensorType.FLOAT32, listOf(1, contract.labels.size)),
            Tensor("output_1", TensorType.FLOAT32, listOf(1, size)),
        )

    override fun run(
        inputs: Map<String, ByteBuffer>,
        outputs: Map<String, ByteBuffer>,
    ) {
        val given = inputs.getValue("args_1").asFloatBuffer()
        val embedding = outputs.getValue("output_1").asFloatBuffer()
        for (i in 0 until statistics) embedding.put(size - statistics + i, given.get(i))
    }
}
