package dev.img2imu.core

import java.util.Random

/** Return a contract of six channels at 50 Hz, windows of 64 samples, a decision every 8. */
internal fun smallContract(hopSamples: Int = 8): Contract =
    Contract(
        SCHEMA,
        "a test",
        StreamSpec(CHANNELS, 50.0, "included", 0.1, 0.5),
        64,
        hopSamples,
        FrontEndSpec(
            listOf(SpectrogramSpec(8, 4), SpectrogramSpec(20, 8)),
            1.0,
            9,
            10,
            listOf(listOf(0, 1, 2), listOf(3, 4, 5)),
            List(6) { -60.0 },
            List(6) { 40.0 },
            listOf("mean", "std"),
        ),
        listOf("rest", "walk", "jump"),
        DecisionSpec(2, 0.0),
        Quantisation("none", "none", "none"),
        Provenance("made up", "0", 1, 0, "2026-01-01", emptyMap(), null, null),
    )

/** Return samples (n)(channels) of a sensor that lies flat and moves a little. */
internal fun motion(
    n: Int,
    seed: Long = 0,
): List<FloatArray> {
    val random = Random(seed)
    return List(n) { FloatArray(6) { axis -> (random.nextGaussian() / 2 + if (axis == 2) 9.81 else 0.0).toFloat() } }
}
