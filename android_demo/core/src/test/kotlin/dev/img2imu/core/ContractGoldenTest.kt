package dev.img2imu.core

import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import java.io.File
import kotlin.experimental.xor

/** Which contracts and model files are accepted, and which are refused. */
class ContractGoldenTest {
    @TestFactory
    fun contracts(): List<DynamicTest> {
        val golden = GoldenFile("contract")
        val text = golden.document["text"] as String
        return golden.cases.flatMap { case ->
            if ("edits" in case.given) {
                val answer = "accepted_by_kotlin".takeIf { it in case.answers } ?: "accepted"
                listOf(case.test(answer) { isContract(edited(text, case.given["edits"] as List<*>)) })
            } else {
                val path = case.given["path"] as List<*>
                val values = case.given["values"] as List<*>
                val document = JsonParser.parse(text) as Map<*, *>
                listOf(
                    case.test("accepted") { values.filter { isContract(changed(document, path) { _ -> it }) } },
                    case.test("accepted_without") { isContract(changed(document, path) { Missing }) },
                )
            }
        }
    }

    @TestFactory
    fun modelFiles(): List<DynamicTest> {
        val golden = GoldenFile("model_file")
        val content = File(GoldenFile.folder(), "../" + golden.document["file"] as String).readBytes()
        return golden.cases.map { case ->
            case.test("accepted") {
                val edits = case.given["edits"] as List<*>
                val damaged = edits.fold(content) { bytes, edit -> edited(bytes, edit as Map<*, *>) }
                isAccepted { Container.read(damaged, "model.tflite") }
            }
        }
    }

    private object Missing

    private fun changed(
        document: Map<*, *>,
        path: List<*>,
        value: (Any?) -> Any?,
    ): String = JsonWriter.write(change(document, path, value))

    private fun change(
        document: Any?,
        path: List<*>,
        value: (Any?) -> Any?,
    ): Any? {
        if (path.isEmpty()) return value(document)
        val members = LinkedHashMap(document as Map<*, *>)
        val member = change(members[path[0]], path.drop(1), value)
        if (member === Missing) members.remove(path[0]) else members[path[0]] = member
        return members
    }

    private fun edited(
        text: String,
        edits: List<*>,
    ): String =
        edits.fold(text) { old, edit ->
            val (find, replacement) = (edit as List<*>).map { it as String }
            if (find.isEmpty()) replacement else old.replaceFirst(find, replacement)
        }

    private fun edited(
        content: ByteArray,
        edit: Map<*, *>,
    ): ByteArray {
        (edit["keep"] as Long?)?.let { return content.copyOf(it.toInt()) }
        (edit["append"] as String?)?.let { hex ->
            return content + hex.chunked(2).map { it.toInt(16).toByte() }
        }
        val at = (edit["flip_bits_of"] as Long).toInt()
        return content.copyOf().also { it[at] = it[at] xor (edit["mask"] as Long).toByte() }
    }

    private fun isContract(text: String): Boolean = isAccepted { ContractReader.read(text) }

    private fun isAccepted(read: () -> Unit): Boolean =
        try {
            read()
            true
        } catch (error: ContractError) {
            val sentence = error.message.orEmpty()
            check(sentence.length in 21..599 && '\n' !in sentence) { "not a sentence: $sentence" }
            false
        }
}
