package dev.img2imu.jvm

import dev.img2imu.core.Container
import dev.img2imu.core.Model
import dev.img2imu.core.Recognizer
import dev.img2imu.core.UserError
import java.io.File
import kotlin.system.exitProcess

/** `run LIBRARY MODEL RECORDING.csv`: print a line `time,state,label,probabilities...` for each decision. */
fun main(arguments: Array<String>) {
    val (library, model, recording) = arguments
    try {
        val file = Container.read(File(model).readBytes(), model)
        val csv = CsvRecording(File(recording), file.contract.stream.channels)
        Model(LiteRtInterpreter(library, file.tflite), file.contract).use { network ->
            val recognizer =
                Recognizer(file.contract, network) {
                    println(
                        (listOf(it.timeS, it.state.text, it.label ?: "") + it.probabilities.asList()).joinToString(","),
                    )
                }
            for (i in csv.timesS.indices) recognizer.push(csv.timesS[i], csv.samples[i])
        }
    } catch (error: UserError) {
        System.err.println(error.message)
        exitProcess(2)
    }
}
