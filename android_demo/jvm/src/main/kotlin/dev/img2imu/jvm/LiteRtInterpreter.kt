package dev.img2imu.jvm

import com.sun.jna.Memory
import com.sun.jna.Pointer
import com.sun.jna.ptr.PointerByReference
import dev.img2imu.core.Interpreter
import dev.img2imu.core.Tensor
import dev.img2imu.core.TensorType
import java.nio.ByteBuffer

private const val CPU = 1 // kLiteRtHwAcceleratorCpu
private const val PER_TENSOR = 1 // kLiteRtQuantizationPerTensor
private const val LOCK_READ = 0
private const val LOCK_WRITE = 1
private const val TYPE_BYTES = 512L // more than a LiteRtRankedTensorType
private val TYPES = mapOf(1 to TensorType.FLOAT32, 3 to TensorType.UINT8, 9 to TensorType.INT8) // LiteRtElementType

/**
 * LiteRT on a computer, through its C library and JNA: the same kernels as on a phone, for the tests.
 *
 * @param library path of libLiteRt.so, which the Python package ai-edge-litert carries.
 * @param tflite the network.
 */
class LiteRtInterpreter(
    library: String,
    tflite: ByteArray,
) : Interpreter {
    private class Bound(
        val tensor: Tensor,
        val buffer: Pointer,
    )

    private val lib = LiteRtLibrary(library)
    private val content = Memory(tflite.size.toLong()).also { it.write(0, tflite, 0, tflite.size) } // stays in use
    private val environment = lib.pointer("LiteRtCreateEnvironment", 0, Pointer.NULL)
    private val model = lib.pointer("LiteRtCreateModelFromBuffer", environment, content, content.size())
    private val options =
        lib.pointer("LiteRtCreateOptions").also {
            lib.call("LiteRtSetOptionsHardwareAccelerators", it, CPU)
        }
    private val compiled = lib.pointer("LiteRtCreateCompiledModel", environment, model, options)
    private val signature = lib.pointer("LiteRtGetModelSignature", model, 0L)
    private val given = bind("Input")
    private val answers = bind("Output")

    override val runtime = "LiteRT over JNA"
    override val threads = 1
    override val inputs = given.map { it.tensor }
    override val outputs = answers.map { it.tensor }

    override fun run(
        inputs: Map<String, ByteBuffer>,
        outputs: Map<String, ByteBuffer>,
    ) {
        for (bound in given) {
            val source = inputs.getValue(bound.tensor.name)
            locked(bound, LOCK_WRITE) { it.put(source.duplicate().clear()) }
        }
        lib.call(
            "LiteRtRunCompiledModel",
            compiled,
            0L,
            given.size.toLong(),
            Array(given.size) { given[it].buffer },
            answers.size.toLong(),
            Array(answers.size) { answers[it].buffer },
        )
        for (bound in answers) {
            val target = outputs.getValue(bound.tensor.name)
            locked(bound, LOCK_READ) { target.duplicate().clear().put(it) }
        }
    }

    override fun close() {
        (given + answers).forEach { lib.destroy("LiteRtDestroyTensorBuffer", it.buffer) }
        lib.destroy("LiteRtDestroyCompiledModel", compiled)
        lib.destroy("LiteRtDestroyOptions", options)
        lib.destroy("LiteRtDestroyModel", model)
        lib.destroy("LiteRtDestroyEnvironment", environment)
    }

    private fun bind(direction: String): List<Bound> =
        List(lib.size("LiteRtGetNumSignature${direction}s", signature)) { i ->
            val index = i.toLong()
            val handle = lib.pointer("LiteRtGetSignature${direction}TensorByIndex", signature, index)
            val name = lib.pointer("LiteRtGetSignature${direction}Name", signature, index).getString(0)
            val type = Memory(TYPE_BYTES).also { it.clear() }
            lib.call("LiteRtGetRankedTensorType", handle, type)
            val needs = lib.pointer("LiteRtGetCompiledModel${direction}BufferRequirements", compiled, 0L, index)
            val buffer = lib.pointer("LiteRtCreateManagedTensorBufferFromRequirements", environment, type, needs)
            Bound(tensor(name, handle, type), buffer)
        }

    private fun tensor(
        name: String,
        handle: Pointer,
        type: Memory,
    ): Tensor {
        val rank = type.getInt(4) and 0x7f // a bit field beside it says whether there are strides
        val shape = List(rank) { type.getInt(8 + 4L * it) }
        val kind = checkNotNull(TYPES[type.getInt(0)]) { "$name has the element type ${type.getInt(0)}" }
        val scheme = Memory(4).also { lib.call("LiteRtGetQuantizationTypeId", handle, it) }.getInt(0)
        if (scheme != PER_TENSOR) return Tensor(name, kind, shape)
        val quantisation = Memory(16).also { lib.call("LiteRtGetPerTensorQuantization", handle, it) }
        return Tensor(name, kind, shape, quantisation.getFloat(0), quantisation.getLong(8).toInt())
    }

    private inline fun locked(
        bound: Bound,
        mode: Int,
        use: (ByteBuffer) -> Unit,
    ) {
        val bytes = bound.tensor.size.toLong() * bound.tensor.type.bytes
        val address = PointerByReference().also { lib.call("LiteRtLockTensorBuffer", bound.buffer, it, mode) }.value
        use(address.getByteBuffer(0, bytes))
        lib.call("LiteRtUnlockTensorBuffer", bound.buffer)
    }
}
