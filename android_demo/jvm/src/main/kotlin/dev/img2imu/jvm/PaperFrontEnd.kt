package dev.img2imu.jvm

import org.apache.commons.math3.transform.DftNormalization
import org.apache.commons.math3.transform.FastFourierTransformer
import org.apache.commons.math3.transform.TransformType
import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.log10

private const val FFT_SAMPLES = 128
private const val STEP_SAMPLES = 12 // an overlap of 116
private const val HEIGHT = 128
private const val WIDTH = 96
private val IMAGENET_MEAN = doubleArrayOf(0.485, 0.456, 0.406)
private val IMAGENET_STD = doubleArrayOf(0.229, 0.224, 0.225)

/**
 * What IMG2IMU's own app does for every decision, over the whole window: one STFT per axis by a general library (here
 * Apache Commons Math), log10, min-max per axis, one image of 128 x 96 per sensor, ImageNet's mean and deviation.
 */
internal class PaperFrontEnd(
    private val windowSamples: Int,
    private val channels: Int,
) {
    private val transformer = FastFourierTransformer(DftNormalization.STANDARD)
    private val hann = DoubleArray(FFT_SAMPLES) { 0.5 - 0.5 * cos(2 * PI * it / FFT_SAMPLES) }

    /** Images of the axes, three to an image: (channels)(height * width). */
    fun compute(
        samples: DoubleArray,
        from: Int,
    ): List<FloatArray> =
        List(channels) { channel ->
            val axis = DoubleArray(windowSamples) { samples[from + it * channels + channel] }
            resized(scaled(spectrogram(axis)), channel % 3)
        }

    private fun spectrogram(axis: DoubleArray): List<DoubleArray> =
        (0..windowSamples - FFT_SAMPLES step STEP_SAMPLES).map { start ->
            val frame = DoubleArray(FFT_SAMPLES) { axis[start + it] * hann[it] }
            val spectrum = transformer.transform(frame, TransformType.FORWARD)
            DoubleArray(FFT_SAMPLES / 2 + 1) { log10(spectrum[it].abs() * spectrum[it].abs() + 1e-10) }
        }

    private fun scaled(frames: List<DoubleArray>): List<DoubleArray> {
        val low = frames.minOf { it.min() }
        val span = (frames.maxOf { it.max() } - low).coerceAtLeast(1e-9)
        return frames.map { frame -> DoubleArray(frame.size) { (frame[it] - low) / span } }
    }

    /** Bilinear, and normalised as the photographs that the network has seen. */
    private fun resized(
        frames: List<DoubleArray>,
        colour: Int,
    ): FloatArray =
        FloatArray(HEIGHT * WIDTH) { pixel ->
            val x = (pixel % WIDTH) * (frames.size - 1.0) / (WIDTH - 1)
            val y = (pixel / WIDTH) * (frames[0].size - 1.0) / (HEIGHT - 1)
            val left = x.toInt().coerceAtMost(maxOf(frames.size - 2, 0))
            val right = minOf(left + 1, frames.size - 1)
            val below = y.toInt().coerceAtMost(frames[0].size - 2)
            val atLeft = frames[left][below] + (y - below) * (frames[left][below + 1] - frames[left][below])
            val atRight = frames[right][below] + (y - below) * (frames[right][below + 1] - frames[right][below])
            val value = atLeft + (x - left) * (atRight - atLeft)
            ((value - IMAGENET_MEAN[colour]) / IMAGENET_STD[colour]).toFloat()
        }
}
