package dev.img2imu.core

import java.nio.ByteBuffer
import kotlin.math.round

/** Values to and from a tensor's bytes; integers are rounded (half to even), clipped, then cast. */
object Quantiser {
    /** Write [values] into [buffer] in the type of [tensor]. */
    fun store(
        values: FloatArray,
        tensor: Tensor,
        buffer: ByteBuffer,
    ) {
        buffer.clear()
        if (tensor.type == TensorType.FLOAT32) {
            buffer.asFloatBuffer().put(values)
            return
        }
        val limits = if (tensor.type == TensorType.INT8) -128..127 else 0..255
        for (i in values.indices) {
            val steps = round(values[i] / tensor.scale).toDouble() + tensor.zeroPoint
            buffer.put(i, steps.coerceIn(limits.first.toDouble(), limits.last.toDouble()).toInt().toByte())
        }
    }

    /** Read the values of [tensor] out of [buffer] into [values]. */
    fun load(
        buffer: ByteBuffer,
        tensor: Tensor,
        values: FloatArray,
    ) {
        buffer.clear()
        if (tensor.type == TensorType.FLOAT32) {
            buffer.asFloatBuffer().get(values)
            return
        }
        val mask = if (tensor.type == TensorType.UINT8) 0xff else -1
        for (i in values.indices) {
            values[i] = ((buffer.get(i).toInt() and mask).toFloat() - tensor.zeroPoint.toFloat()) * tensor.scale
        }
    }
}
