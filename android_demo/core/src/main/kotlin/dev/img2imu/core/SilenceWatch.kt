package dev.img2imu.core

private const val LONGEST_BATCH_S = 5.0 // a catch-up may cover more, and says nothing about the next batch
private const val BATCH_APART_S = 0.005 // events of one batch are handed over within microseconds of each other

/**
 * Measures silence on the system's clock.
 *
 * A sensor that sends batches is silent in between. After a batch that covers N seconds, the next may take N seconds
 * plus [maxGapS].
 */
class SilenceWatch(
    private val maxGapS: Double,
) {
    private var heardS = Double.NaN
    private var firstS = Double.NaN
    private var batchS = 0.0

    /** How long the sensors were told that events may wait in their own memory, seconds. */
    var allowedBatchS = 0.0

    /** Forget what was heard. */
    fun reset() {
        heardS = Double.NaN
    }

    /** Note that a sample of time [sampleS] came at [nowS]; those of one batch come at nearly the same moment. */
    fun heard(
        nowS: Double,
        sampleS: Double,
    ) {
        if (!(nowS - heardS < BATCH_APART_S)) firstS = sampleS
        heardS = nowS
        batchS = (sampleS - firstS).coerceIn(0.0, LONGEST_BATCH_S)
    }

    /** Return the seconds since samples last came when that is too long, otherwise 0. */
    fun tooLongS(nowS: Double): Double {
        val silentS = nowS - heardS
        return if (silentS > maxGapS + maxOf(batchS, allowedBatchS)) silentS else 0.0
    }
}
