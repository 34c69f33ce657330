package dev.img2imu.core

/**
 * What became of every sample since the stream was opened.
 *
 * @property used went into windows, or wait for their successor to do so.
 * @property late dropped, since newer ones had been used already.
 * @property duplicate dropped, since one of the same time had come before.
 * @property refused dropped with the stream, since one of them broke the contract.
 * @property gaps pauses too long to interpolate, and clocks set back: the window was emptied.
 */
class StreamCounts {
    var received = 0L
    var used = 0L
    var late = 0L
    var duplicate = 0L
    var refused = 0L
    var gaps = 0L
}
