package dev.img2imu.core

/**
 * What became of every sample since the stream was opened.
 *
 * @property used samples that went into windows, or wait for their successor to do so.
 * @property late samples dropped because newer ones had been used already.
 * @property duplicate samples dropped because one of the same time had come before.
 * @property refused samples dropped with the stream, because one of them broke the contract.
 * @property interpolated samples on the model's grid that lie between the same two received samples as an earlier one.
 * @property gaps pauses too long to interpolate, and clocks set back: the window was emptied.
 */
class StreamCounts {
    var received = 0L
    var used = 0L
    var late = 0L
    var duplicate = 0L
    var refused = 0L
    var interpolated = 0L
    var gaps = 0L
}
