package dev.img2imu.app

import dev.img2imu.core.Decision
import dev.img2imu.core.Latencies
import dev.img2imu.core.Model
import dev.img2imu.core.ModelFile
import dev.img2imu.core.OutputError
import dev.img2imu.core.Recognizer
import dev.img2imu.core.RecordingWriter
import dev.img2imu.core.SensorMerger
import dev.img2imu.core.SilenceWatch
import dev.img2imu.core.StreamError
import dev.img2imu.core.Taught
import dev.img2imu.core.Teacher
import dev.img2imu.core.UserError
import java.io.File

/** Receives what a session reports; called on the sensors' thread. */
interface SessionListener {
    fun changed(snapshot: Snapshot)

    /** Show one sentence to the user. */
    fun say(message: String)
}

/**
 * One run of a model on the sensors: it turns events into decisions, records and teaches, all on one thread.
 *
 * A stream that breaks the contract is reported once. The sensors and a recording go on, and no label is shown until a
 * whole good window has come.
 */
class Session(
    file: ModelFile,
    model: Model,
    private val taughtFile: File,
    private val listener: SessionListener,
) {
    val contract = file.contract
    private val merger = SensorMerger(contract.stream.channels, ::take)
    private val recognizer = Recognizer(contract, model, ::decided)
    private val teacher =
        try {
            Teacher(file, model)
        } catch (_: UserError) {
            null // a model that cannot be taught is used as it is
        }
    private val silence = SilenceWatch(contract.stream.maxGapS)
    private val networkUs = Latencies()
    private val decisionUs = Latencies()
    private var writer: RecordingWriter? = null
    private var lastRecording = RecordingState()
    private var decision: Decision? = null
    private var taught: Taught? = null
    private var usesTaught = false
    private var faults = 0

    /** Sensors that the model needs, acc or gyro or both. */
    val sensors: List<String> get() = merger.sensors

    /** Load what was taught before. It takes a moment: call it on the sensors' thread. */
    fun prepare() {
        if (taughtFile.exists()) teacher?.load(taughtFile)
        taught = teacher?.fit()
        publish()
    }

    fun event(
        sensor: String,
        timeS: Double,
        x: Float,
        y: Float,
        z: Float,
    ) = merger.push(sensor, timeS, x, y, z)

    /** Note that the sensors may send batches of up to [batchS] seconds from now on. */
    fun allowBatches(batchS: Double) {
        silence.allowedBatchS = batchS
    }

    /** Call this a few times a second, so that no old label stays when the sensors fall silent. */
    fun tick() {
        if (silence.tooLongS(System.nanoTime() / 1e9) > 0) recognizer.silent()
        publish()
    }

    /** Learn the newest window as [label]. */
    fun teach(label: String) {
        val teacher = teacher ?: return listener.say("this model cannot be taught: open one written by img2imu export")
        val window =
            recognizer.window
                ?: return listener.say(
                    "the window is ${(recognizer.fill * 100).toInt()} % full: move for ${contract.windowS} s",
                )
        changeLesson { teacher.add(label, window) }
    }

    /** Forget the newest taught window. */
    fun undoTeaching() = changeLesson { teacher?.undo() }

    /** Forget everything taught. */
    fun clearTeaching() = changeLesson { teacher?.clear() }

    /** Recognise what was taught, or the model's own labels. */
    fun useTaught(use: Boolean) {
        if (use && taught == null) listener.say("nothing can be recognised yet: teach two motions or more")
        usesTaught = use && taught != null
        recognizer.teach(taught.takeIf { usesTaught })
        publish()
    }

    fun beginRecording(
        directory: File,
        name: String,
    ) {
        try {
            writer = writer ?: RecordingWriter(directory, name, contract.stream.channels)
        } catch (error: OutputError) {
            listener.say(error.message.orEmpty())
        }
        publish()
    }

    fun endRecording() {
        val ended = writer ?: return
        lastRecording = RecordingState(false, ended.file.name, ended.samples, ended.dropped)
        writer = null
        try {
            ended.close()
        } catch (error: OutputError) {
            listener.say(error.message.orEmpty())
        }
        publish()
    }

    private fun changeLesson(change: () -> Unit) {
        try {
            change()
            taught = teacher?.fit()
            useTaught(usesTaught && taught != null)
            teacher?.save(taughtFile)
        } catch (error: UserError) {
            listener.say(error.message.orEmpty())
        }
        publish()
    }

    private fun take(
        timeS: Double,
        values: FloatArray,
    ) {
        silence.heard(System.nanoTime() / 1e9, timeS)
        record(timeS, values) // first: what breaks the model's contract can still be worth recording
        try {
            recognizer.push(timeS, values)
        } catch (error: StreamError) {
            decision = null
            if (faults++ == 0) listener.say(error.message.orEmpty())
        }
    }

    private fun record(
        timeS: Double,
        values: FloatArray,
    ) {
        try {
            writer?.write(timeS, values)
        } catch (error: OutputError) {
            listener.say(error.message.orEmpty())
            endRecording()
        }
    }

    private fun decided(next: Decision) {
        decision = next
        next.latencyUs?.let {
            if (faults > 0) listener.say("") // the stream is good again
            faults = 0
            networkUs.add(it.inference)
            decisionUs.add(it.total)
        }
        publish()
    }

    private fun publish() {
        val counts = recognizer.counts
        listener.changed(
            Snapshot(
                decision?.state,
                decision?.label,
                recognizer.labels,
                decision?.probabilities ?: DoubleArray(0),
                recognizer.fill,
                recognizer.measuredHz,
                counts.gaps,
                counts.late + counts.duplicate + counts.refused,
                merger.missed,
                timing(networkUs),
                timing(decisionUs),
                recognizer.window?.let { Signals(it, contract.stream.channels) },
                teacher?.counts.orEmpty(),
                usesTaught,
                writer?.let { RecordingState(true, it.file.name, it.samples, it.dropped) } ?: lastRecording,
            ),
        )
    }

    private fun timing(latencies: Latencies): Timing =
        Timing(latencies.last, latencies.percentile(50.0), latencies.percentile(95.0))
}
