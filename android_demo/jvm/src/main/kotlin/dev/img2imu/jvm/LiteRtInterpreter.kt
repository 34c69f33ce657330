package dev.img2imu.jvm

import com.sun.jna.Memory
import com.sun.jna.Pointer
import com.sun.jna.ptr.PointerByReference
import dev.img2imu.core.FLOAT32
import dev.img2imu.core.Interpreter
import dev.img2imu.core.Tensor
import java.nio.ByteBuffer

private const val CPU = 1 // kLiteRtHwAcceleratorCpu
private const val LOCK_READ = 0
private const val LOCK_WRITE = 1
private const val TYPE_BYTES = 512L // more than a LiteRtRankedTensorType
private val TYPES = mapOf(1 to FLOAT32, 3 to "UINT8", 9 to "INT8") // LiteRtElementType

/**
 * LiteRT on a computer, through its C library and JNA, for the tests.
 *
 * @param library path of libLiteRt.so, a part of the Python package ai-edge-litert.
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

    // LiteRT goes on using these bytes.
    private val content = Memory(tflite.size.toLong()).also { it.write(0, tflite, 0, tflite.size) }
    private val environment = lib.pointer("LiteRtCreateEnvironment", 0, Pointer.NULL)
    private val model = lib.pointer("LiteRtCreateModelFromBuffer", environment, content, content.size())
    private val options =
        lib.pointer("LiteRtCreateOptions").also {
            lib.call("LiteRtSetOptionsHardwareAccelerators", it, CPU)
        }
    private val compiled = lib.pointer("LiteRtCreateCompiledModel", environment, model, options)
    private val signature = lib.pointer("LiteRtGetModelSignature", model, 0L)
    private val boundInputs = bind("Input")
    private val boundOutputs = bind("Output")

    override val runtime = "LiteRT over JNA"
    override val threads = 1
    override val inputs = boundInputs.map { it.tensor }
    override val outputs = boundOutputs.map { it.tensor }

    override fun run(
        inputs: Map<String, ByteBuffer>,
        outputs: Map<String, ByteBuffer>,
    ) {
        for (bound in boundInputs) {
            val source = inputs.getValue(bound.tensor.name)
            locked(bound, LOCK_WRITE) { it.put(source.duplicate().clear()) }
        }
        lib.call(
            "LiteRtRunCompiledModel",
            compiled,
            0L,
            boundInputs.size.toLong(),
            Array(boundInputs.size) { boundInputs[it].buffer },
            boundOutputs.size.toLong(),
            Array(boundOutputs.size) { boundOutputs[it].buffer },
        )
        for (bound in boundOutputs) {
            val target = outputs.getValue(bound.tensor.name)
            locked(bound, LOCK_READ) { target.duplicate().clear().put(it) }
        }
    }

    override fun close() {
        (boundInputs + boundOutputs).forEach { lib.destroy("LiteRtDestroyTensorBuffer", it.buffer) }
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
            Bound(tensor(name, type), buffer)
        }

    private fun tensor(
        name: String,
        type: Memory,
    ): Tensor {
        val rank = type.getInt(4) and 0x7f // the next bit says whether there are strides
        val shape = List(rank) { type.getInt(8 + 4L * it) }
        val element = type.getInt(0)
        return Tensor(name, TYPES[element] ?: "LiteRtElementType $element", shape)
    }

    private inline fun locked(
        bound: Bound,
        mode: Int,
        use: (ByteBuffer) -> Unit,
    ) {
        val bytes = bound.tensor.size.toLong() * Float.SIZE_BYTES
        val address = PointerByReference().also { lib.call("LiteRtLockTensorBuffer", bound.buffer, it, mode) }.value
        use(address.getByteBuffer(0, bytes))
        lib.call("LiteRtUnlockTensorBuffer", bound.buffer)
    }
}
