package dev.img2imu.jvm

import com.sun.management.ThreadMXBean
import dev.img2imu.core.Container
import dev.img2imu.core.Contract
import dev.img2imu.core.FrontEnd
import java.io.File
import java.lang.management.ManagementFactory
import java.util.Random

private const val ROUNDS = 150
private const val BLOCK = 20 // decisions of one way before the next has its turn
private const val WARM_UP_ROUNDS = 50

/** One way to the network's input; [decide] makes one decision's, and the stream moves on by one hop. */
private class Way(
    val name: String,
    val decide: (Int) -> Unit,
) {
    val timesNs = ArrayList<Long>()
    var allocatedBytes = 0L
}

/** `benchmark MODEL`: the front end per decision, incremental, recomputed, and the paper's way, side by side. */
fun main(arguments: Array<String>) {
    val bundled = Container.read(File(arguments[0]).readBytes(), arguments[0]).contract
    compare("windows of 5 s, a decision every 0.32 s (the bundled model)", bundled)
    val steps = bundled.frontEnd.spectrograms.map { it.copy(stepSamples = 6) }
    val quarter =
        bundled.copy(
            windowSamples = 200,
            hopSamples = 12,
            frontEnd = bundled.frontEnd.copy(spectrograms = steps),
        )
    compare("windows of 4 s, a decision every 0.24 s", quarter)
}

private fun compare(
    title: String,
    contract: Contract,
) {
    val n = contract.windowSamples
    val channels = contract.stream.channels.size
    val random = Random(0)
    val samples = DoubleArray((n + 512 * contract.hopSamples) * channels) { random.nextGaussian() }
    val from = { decision: Int -> decision % 512 * contract.hopSamples * channels }
    val incremental = FrontEnd(contract)
    val whole = FrontEnd(contract)
    val paper = PaperFrontEnd(n, channels)
    val ways =
        listOf(
            Way("incremental") { incremental.advance(samples, from(it), contract.hopSamples) },
            Way("whole window, same code") {
                whole.reset()
                whole.advance(samples, from(it), n)
            },
            Way("paper's, one STFT per axis") { paper.compute(samples, from(it)) },
        )
    measure(ways)
    println("$title: front end per decision, $channels axes at ${contract.stream.rateHz.toInt()} Hz, one thread")
    val ours = ways[0].medianUs()
    for (way in ways) {
        val perDecision = way.allocatedBytes / way.timesNs.size
        println(
            "  %-28s %8.1f us median  x %5.1f  %8d bytes allocated".format(
                way.name,
                way.medianUs(),
                way.medianUs() / ours,
                perDecision,
            ),
        )
    }
}

private fun measure(ways: List<Way>) {
    val bean = ManagementFactory.getThreadMXBean() as ThreadMXBean
    val thread = Thread.currentThread().id
    var decision = 0
    repeat(WARM_UP_ROUNDS + ROUNDS) { round ->
        for (way in ways) {
            for (i in 0 until BLOCK) {
                val before = bean.getThreadAllocatedBytes(thread)
                val started = System.nanoTime()
                way.decide(decision + i)
                val took = System.nanoTime() - started
                val after = bean.getThreadAllocatedBytes(thread)
                if (round >= WARM_UP_ROUNDS) {
                    way.timesNs.add(took)
                    way.allocatedBytes += after - before
                }
            }
        }
        decision += BLOCK
    }
}

private fun Way.medianUs(): Double = timesNs.sorted()[timesNs.size / 2] / 1e3
