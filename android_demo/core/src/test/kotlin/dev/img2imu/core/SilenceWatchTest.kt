package dev.img2imu.core

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

class SilenceWatchTest {
    @Test
    fun `a silence longer than a gap is reported, but none before anything came`() {
        val watch = SilenceWatch(0.5)
        assertEquals(0.0, watch.tooLongS(100.0))
        watch.heard(100.0, 7.0)
        assertEquals(0.0, watch.tooLongS(100.4))
        assertEquals(0.75, watch.tooLongS(100.75))
        watch.heard(101.0, 8.0)
        assertEquals(0.0, watch.tooLongS(101.25))
    }

    @Test
    fun `after a batch of two seconds the next may take as long`() {
        val watch = SilenceWatch(0.5)
        for (i in 0..100) watch.heard(50 + i * 1e-5, i / 50.0)
        assertEquals(0.0, watch.tooLongS(52.4))
        assertEquals(2.75, watch.tooLongS(52.751), 1e-6)
    }

    @Test
    fun `sensors that were told to send batches may be silent for one`() {
        val watch = SilenceWatch(0.5)
        watch.heard(50.0, 1.0)
        watch.allowedBatchS = 1.0
        assertEquals(0.0, watch.tooLongS(51.4))
        assertEquals(1.75, watch.tooLongS(51.75))
    }
}
