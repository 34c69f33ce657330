package dev.img2imu.core

const val SCHEMA = 1

/** Units of the channels: SI, the units of Android's sensors. */
val UNITS = mapOf("acc" to "m/s^2", "gyro" to "rad/s")
val CHANNELS = UNITS.keys.flatMap { sensor -> listOf("x", "y", "z").map { "${sensor}_$it" } }

/**
 * The stream of samples that the model takes.
 *
 * @property channels names in order, out of `acc_x .. acc_z` in m/s^2 and `gyro_x .. gyro_z` in rad/s.
 * @property rateHz samples per second.
 * @property gravity whether the accelerometer's values contain gravity: included, removed, or unknown.
 * @property rateTolerance largest relative deviation of a measured rate; within it the stream is resampled.
 * @property maxGapS a longer pause between two samples empties the window.
 */
data class StreamSpec(
    val channels: List<String>,
    val rateHz: Double,
    val gravity: String,
    val rateTolerance: Double,
    val maxGapS: Double,
) {
    /** Columns of the three accelerometer axes, or null when one is missing. */
    val accTriple: List<Int>?
        get() = listOf("acc_x", "acc_y", "acc_z").map { channels.indexOf(it) }.takeIf { -1 !in it }
}

/** One spectrogram of every channel: length of a frame, and distance between two frames, in samples. */
data class SpectrogramSpec(
    val fftSamples: Int,
    val stepSamples: Int,
)

/**
 * How a window becomes the network's input. The network of the app's models computes it itself; the app reads it to
 * tell a whole contract from a damaged one, and to know what an embedding is made of.
 *
 * @property spectrograms one entry per resolution.
 * @property frequencyKneeHz rows are even in frequency well below this, even in its logarithm well above.
 * @property imageHeight rows of an image (frequency, high at the top), pixels.
 * @property imageWidth columns of an image (time), pixels.
 * @property imageChannels per image of a resolution, the stream columns that become red, green and blue.
 * @property minDb per channel, the level drawn as -1, dB re (1 unit)^2.
 * @property maxDb per channel, the level drawn as +1, dB re (1 unit)^2.
 * @property statistics names of the numbers that the network gets in addition to the images.
 */
data class FrontEndSpec(
    val spectrograms: List<SpectrogramSpec>,
    val frequencyKneeHz: Double,
    val imageHeight: Int,
    val imageWidth: Int,
    val imageChannels: List<List<Int>>,
    val minDb: List<Double>,
    val maxDb: List<Double>,
    val statistics: List<String>,
) {
    /** Images per window. */
    val nImages: Int get() = spectrograms.size * imageChannels.size
}

/**
 * How probabilities become a label.
 *
 * @property smoothingWindows number of newest windows whose probabilities are averaged; 1 is no averaging.
 * @property threshold smallest smoothed probability of a label; below it the state is unknown.
 * @property classThresholds thresholds of single labels, which replace [threshold] for them.
 * @property debounceDecisions a label is shown when this many decisions in a row agree on it; 1 is at once.
 * @property refractoryS seconds after a label has begun in which no other begins; the state is unknown until then.
 */
data class DecisionSpec(
    val smoothingWindows: Int,
    val threshold: Double,
    val classThresholds: Map<String, Double> = emptyMap(),
    val debounceDecisions: Int = 1,
    val refractoryS: Double = 0.0,
)

/** How the network was quantised: recipe, converter and quantiser, with their versions. */
data class Quantisation(
    val recipe: String,
    val converter: String,
    val quantiser: String,
)

/** Where the model comes from; see docs/contract.md. */
data class Provenance(
    val dataSet: String,
    val splitSha256: String,
    val windowsPerClass: Int,
    val seed: Int,
    val created: String,
    val versions: Map<String, String>,
    val macroF1Float: Double?,
    val macroF1: Double?,
)

/**
 * What a model file says about the stream it takes and the answers it gives; docs/contract.md is the reference.
 *
 * @property name of the model, shown to the user.
 * @property windowSamples length of a window, samples.
 * @property hopSamples distance between two decisions, samples; a multiple of every spectrogram's step.
 * @property labels class names in the order of the probabilities.
 */
data class Contract(
    val schema: Int,
    val name: String,
    val stream: StreamSpec,
    val windowSamples: Int,
    val hopSamples: Int,
    val frontEnd: FrontEndSpec,
    val labels: List<String>,
    val decision: DecisionSpec,
    val quantisation: Quantisation,
    val provenance: Provenance,
) {
    /** Length of a window, seconds. */
    val windowS: Double get() = windowSamples / stream.rateHz

    /** Time between two decisions, seconds. */
    val hopS: Double get() = hopSamples / stream.rateHz
}
