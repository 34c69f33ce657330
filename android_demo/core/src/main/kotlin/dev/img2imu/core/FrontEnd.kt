package dev.img2imu.core

/**
 * The network's input; both arrays are written anew by every decision.
 *
 * @property images (nImages, height, width, 3) in -1..1; images of one resolution stand together.
 * @property statistics (nStatistics).
 */
class Features(
    val images: FloatArray,
    val statistics: FloatArray,
)

/**
 * Overlapping windows of one stream to features: only the columns that are new since the last window are computed.
 *
 * Nothing is allocated after its making.
 *
 * @throws ContractError a statistic that this version does not know.
 */
class FrontEnd(
    private val contract: Contract,
) {
    private val spec = contract.frontEnd
    private val channels = contract.stream.channels.size
    private val spectrograms = spec.spectrograms.map { Spectrogram(it, spec, contract.stream.rateHz) }
    private val frames = IntArray(spectrograms.size) { spectrograms[it].frames(contract.windowSamples) }
    private val times = List(spectrograms.size) { Resize.times(frames[it], spec.imageWidth) }
    private val statistics = WindowStatistics(contract)

    // per resolution, a ring of columns; oldest[i] is where the first of the window stands
    private val columns = List(spectrograms.size) { FloatArray(frames[it] * spectrograms[it].columnSize) }
    private val oldest = IntArray(spectrograms.size)
    private val mixed = FloatArray(spec.imageHeight * channels)
    private val rgb = spec.imageChannels.map { it.toIntArray() }
    private var filled = false

    /** The newest features. */
    val features =
        Features(FloatArray(spec.nImages * spec.imageHeight * spec.imageWidth * 3), FloatArray(statistics.size))

    /** Forget the columns: the next window has none before it. */
    fun reset() {
        filled = false
    }

    /**
     * Compute [features] of the newest window.
     *
     * @param samples the window from index [from] on, all channels of each sample together.
     * @param newSamples how many of them came since the last call; a multiple of every step, or the whole window.
     */
    fun advance(
        samples: DoubleArray,
        from: Int,
        newSamples: Int,
    ) {
        for (i in spectrograms.indices) {
            val new = if (filled) newSamples / spectrograms[i].spec.stepSamples else frames[i]
            computeColumns(i, samples, from, minOf(new, frames[i]))
            draw(i)
        }
        filled = true
        statistics.compute(samples, from, features.statistics)
    }

    private fun computeColumns(
        resolution: Int,
        samples: DoubleArray,
        from: Int,
        new: Int,
    ) {
        val spectrogram = spectrograms[resolution]
        val held = frames[resolution]
        for (frame in held - new until held) {
            val begin = from + frame * spectrogram.spec.stepSamples * channels
            spectrogram.column(samples, begin, columns[resolution], oldest[resolution] * spectrogram.columnSize)
            oldest[resolution] = (oldest[resolution] + 1) % held
        }
    }

    private fun draw(resolution: Int) {
        val stretch = times[resolution]
        for (x in 0 until spec.imageWidth) {
            mix(resolution, stretch, x)
            for (image in rgb.indices) scatter(resolution * rgb.size + image, rgb[image], x)
        }
    }

    /** One column of the image's width out of the frames around it. */
    private fun mix(
        resolution: Int,
        stretch: Resize,
        x: Int,
    ) {
        val held = columns[resolution]
        val first = frame(resolution, stretch.first(x)) * mixed.size
        val weight = stretch.weight(x, 0).toFloat()
        if (stretch.taps(x) == 1) {
            for (i in mixed.indices) mixed[i] = weight * held[first + i]
            return
        }
        val second = frame(resolution, stretch.first(x) + 1) * mixed.size
        val secondWeight = stretch.weight(x, 1).toFloat()
        for (i in mixed.indices) mixed[i] = weight * held[first + i] + secondWeight * held[second + i]
        for (tap in 2 until stretch.taps(x)) { // where there are more frames than columns
            val from = frame(resolution, stretch.first(x) + tap) * mixed.size
            val more = stretch.weight(x, tap).toFloat()
            for (i in mixed.indices) mixed[i] += more * held[from + i]
        }
    }

    /** Where in the ring the n-th frame of the window stands. */
    private fun frame(
        resolution: Int,
        n: Int,
    ): Int = (oldest[resolution] + n) % frames[resolution]

    private fun scatter(
        image: Int,
        rgb: IntArray,
        x: Int,
    ) {
        val (r, g, b) = rgb
        val from = mixed // what is a local is not looked up again for every pixel
        val pixels = features.images
        val row = spec.imageWidth * 3
        var at = 0
        var to = (image * spec.imageHeight * spec.imageWidth + x) * 3
        repeat(spec.imageHeight) {
            pixels[to] = from[at + r]
            pixels[to + 1] = from[at + g]
            pixels[to + 2] = from[at + b]
            at += channels
            to += row
        }
    }
}
