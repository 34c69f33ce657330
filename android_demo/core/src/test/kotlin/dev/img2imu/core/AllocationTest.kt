package dev.img2imu.core

import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.lang.management.ManagementFactory

// The JVM itself allocates an object now and then, when it discards compiled code.
private const val SHARE_OF_THE_JVM = 0.01

class AllocationTest {
    private val bean = ManagementFactory.getThreadMXBean() as com.sun.management.ThreadMXBean

    private fun allocatedBytes(): Long = bean.getThreadAllocatedBytes(Thread.currentThread().id)

    @Test
    fun `a sample that completes no decision allocates nothing`() {
        val contract = smallContract()
        var decisions = 0
        val recognizer = Recognizer(contract, Model(MeanInterpreter(contract), contract)) { decisions++ }
        val merger = SensorMerger(contract.stream.channels, recognizer::push)
        val rows = motion(4000)
        var quiet = 0
        var allocating = 0
        for (i in rows.indices) {
            val row = rows[i]
            val decided = decisions
            val before = allocatedBytes()
            merger.push("gyro", i / 50.0, row[3], row[4], row[5])
            merger.push("acc", i / 50.0, row[0], row[1], row[2])
            val bytes = allocatedBytes() - before
            if (i < 2000 || decisions > decided) continue
            quiet++
            if (bytes > 0) allocating++
        }
        assertTrue(quiet > 1700 && decisions > 400)
        assertTrue(allocating <= SHARE_OF_THE_JVM * quiet) { "$allocating of $quiet samples allocate" }
    }
}
