package dev.img2imu.core

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

class RingBufferTest {
    @Test
    fun `the newest rows lie in one piece, in order`() {
        val ring = RingBuffer(5, 2)
        for (i in 1..37) {
            ring.push(doubleArrayOf(i.toDouble(), -i.toDouble()))
            for (n in 1..minOf(i, 5)) {
                val from = ring.newest(n)
                val expected = (i - n + 1..i).flatMap { listOf(it.toDouble(), -it.toDouble()) }
                assertEquals(expected, ring.store.copyOfRange(from, from + 2 * n).asList())
            }
        }
        assertThrows(IllegalArgumentException::class.java) { ring.newest(6) }
        ring.clear()
        assertThrows(IllegalArgumentException::class.java) { ring.newest(1) }
    }
}
