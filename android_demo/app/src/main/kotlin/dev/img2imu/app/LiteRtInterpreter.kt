package dev.img2imu.app

import dev.img2imu.core.ContractError
import dev.img2imu.core.Interpreter
import dev.img2imu.core.Tensor
import org.tensorflow.lite.Delegate
import org.tensorflow.lite.gpu.GpuDelegate
import org.tensorflow.lite.nnapi.NnApiDelegate
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tensorflow.lite.Interpreter as LiteRt

private const val SIGNATURE = "serving_default"

/** What computes the network. */
enum class Accelerator { CPU, NNAPI, GPU }

/**
 * LiteRT for Android behind the core's interface.
 *
 * @throws ContractError LiteRT cannot load the network, or this phone does not have the accelerator.
 */
class LiteRtInterpreter(
    tflite: ByteArray,
    override val threads: Int = 1,
    accelerator: Accelerator = Accelerator.CPU,
) : Interpreter {
    private val delegate: Delegate?
    private val litert: LiteRt

    init {
        try {
            val content = ByteBuffer.allocateDirect(tflite.size).order(ByteOrder.nativeOrder()).put(tflite)
            delegate =
                when (accelerator) {
                    Accelerator.CPU -> null
                    Accelerator.NNAPI -> NnApiDelegate()
                    Accelerator.GPU -> GpuDelegate()
                }
            val options = LiteRt.Options().setNumThreads(threads)
            delegate?.let(options::addDelegate)
            litert = LiteRt(content, options)
        } catch (error: RuntimeException) {
            throw refused(accelerator, error)
        } catch (error: LinkageError) {
            // The native library is not for this processor, or not in this build.
            throw refused(accelerator, error)
        }
    }

    override val runtime = "LiteRT for Android, $accelerator"
    override val inputs =
        litert.getSignatureInputs(SIGNATURE).map {
            tensor(it, litert.getInputTensorFromSignature(it, SIGNATURE))
        }
    override val outputs =
        litert.getSignatureOutputs(SIGNATURE).map {
            tensor(it, litert.getOutputTensorFromSignature(it, SIGNATURE))
        }

    override fun run(
        inputs: Map<String, ByteBuffer>,
        outputs: Map<String, ByteBuffer>,
    ) {
        inputs.values.forEach { it.rewind() }
        outputs.values.forEach { it.rewind() }
        litert.runSignature(inputs, outputs, SIGNATURE)
    }

    override fun close() {
        litert.close()
        delegate?.close()
    }

    private fun tensor(
        name: String,
        tensor: org.tensorflow.lite.Tensor,
    ): Tensor = Tensor(name, tensor.dataType().name, tensor.shape().asList())

    private fun refused(
        accelerator: Accelerator,
        error: Throwable,
    ): ContractError =
        ContractError(
            "LiteRT cannot load the network on the $accelerator (${error.message.orEmpty().lineSequence().first()}): " +
                if (accelerator == Accelerator.CPU) "copy or export the model again" else "use the CPU",
        )
}
