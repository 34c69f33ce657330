package dev.img2imu.core

import java.nio.ByteBuffer

/** The type that a tensor must have. */
const val FLOAT32 = "FLOAT32"

/**
 * A tensor of the network.
 *
 * @property name in the signature.
 * @property type as the runtime names it; [FLOAT32] is the only one that [Model] takes.
 */
data class Tensor(
    val name: String,
    val type: String,
    val shape: List<Int>,
) {
    /** Number of values. */
    val size: Int get() = shape.fold(1) { product, length -> product * length }
}

/**
 * A loaded `.tflite`: LiteRT for Android in the app, LiteRT's C library in the tests.
 *
 * @property runtime name of the runtime, and of the processor or accelerator that it uses.
 * @property threads CPU threads.
 * @property inputs of the signature `serving_default`, in any order.
 * @property outputs of the same signature, in any order.
 */
interface Interpreter : AutoCloseable {
    val runtime: String
    val threads: Int
    val inputs: List<Tensor>
    val outputs: List<Tensor>

    /** Run the network on buffers of float32 in native byte order, one for each tensor's name. */
    fun run(
        inputs: Map<String, ByteBuffer>,
        outputs: Map<String, ByteBuffer>,
    )
}
