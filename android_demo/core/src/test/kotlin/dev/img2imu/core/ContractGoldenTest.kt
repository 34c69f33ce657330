package dev.img2imu.core

import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory

/** Which documents and files edge_runtime takes, and which it refuses. */
class ContractGoldenTest {
    @TestFactory
    fun documents(): List<DynamicTest> =
        GoldenVectors.cases("contracts").map { golden ->
            val texts = golden.json("documents")["texts"] as List<*>
            golden.equal("accepted") {
                LongArray(texts.size) { i -> accepted { ContractReader.read(texts[i] as String) } }
            }
        }

    @TestFactory
    fun files(): List<DynamicTest> =
        GoldenVectors.cases("files").map { golden ->
            val names = (golden.json("files")["names"] as List<*>).map { it as String }
            golden.equal("accepted") {
                LongArray(names.size) { i -> accepted { Container.read(golden.bytes(names[i]), names[i]) } }
            }
        }

    private fun accepted(read: () -> Unit): Long =
        try {
            read()
            1
        } catch (error: ContractError) {
            val sentence = error.message.orEmpty()
            check(sentence.length in 21..599 && '\n' !in sentence) { "no sentence: $sentence" }
            0
        }
}
