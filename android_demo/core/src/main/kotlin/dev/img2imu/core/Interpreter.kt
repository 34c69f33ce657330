package dev.img2imu.core

import java.nio.ByteBuffer

/** Type of a tensor's values. */
enum class TensorType(
    val bytes: Int,
) {
    FLOAT32(4),
    INT8(1),
    UINT8(1),
}

/**
 * A tensor of the network.
 *
 * @property name in the signature.
 * @property scale of an integer tensor: q stands for (q - zeroPoint) * scale.
 */
data class Tensor(
    val name: String,
    val type: TensorType,
    val shape: List<Int>,
    val scale: Float = 0f,
    val zeroPoint: Int = 0,
) {
    /** Values in it. */
    val size: Int get() = shape.fold(1) { product, length -> product * length }
}

/**
 * A loaded `.tflite`: LiteRT for Android in the app, LiteRT's C library in the tests.
 *
 * @property runtime name and version, and who computes.
 * @property threads CPU threads.
 * @property inputs of the signature `serving_default`, in any order.
 * @property outputs likewise.
 */
interface Interpreter : AutoCloseable {
    val runtime: String
    val threads: Int
    val inputs: List<Tensor>
    val outputs: List<Tensor>

    /** Run the network on buffers in native byte order, one per tensor's name, whole and from their beginning. */
    fun run(
        inputs: Map<String, ByteBuffer>,
        outputs: Map<String, ByteBuffer>,
    )
}
