package dev.img2imu.core

import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import java.nio.ByteBuffer

class QuantiserGoldenTest {
    @TestFactory
    fun integers(): List<DynamicTest> =
        GoldenVectors.cases("quantiser").flatMap { golden ->
            val values = golden.floats("values_in")
            val settings = golden.json("settings")
            val type = TensorType.valueOf(settings["type"] as String)
            val scale = (settings["scale"] as Double).toFloat()
            val zero = (settings["zero_point"] as Long).toInt()
            val tensor = Tensor("x", type, listOf(values.size), scale, zero)
            val stored = ByteBuffer.allocate(values.size)
            Quantiser.store(values, tensor, stored)
            val loaded = FloatArray(values.size).also { Quantiser.load(stored, tensor, it) }
            val mask = if (type == TensorType.UINT8) 0xffL else -1L
            listOf(
                golden.equal("integers") { LongArray(values.size) { stored.get(it).toLong() and mask } },
                golden.within("values", 0.0) { loaded.toDoubles() },
            )
        }
}
