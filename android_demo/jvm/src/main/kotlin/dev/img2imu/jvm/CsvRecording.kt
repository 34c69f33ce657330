package dev.img2imu.jvm

import java.io.File

/**
 * A recording in the toolkit's CSV format (docs/recordings.md).
 *
 * @property timesS seconds on the sensor's clock.
 * @property samples one for each time, with the channels in the order asked for.
 */
class CsvRecording(
    file: File,
    channels: List<String>,
) {
    val timesS: DoubleArray
    val samples: List<FloatArray>

    init {
        val rows = file.readLines().map { it.split(',') }
        val columns = channels.map { rows[0].indexOf(it) }
        val time = rows[0].indexOf("time_s")
        require(time >= 0 && -1 !in columns) { "$file has ${rows[0]}, expected time_s and $channels" }
        timesS = DoubleArray(rows.size - 1) { rows[it + 1][time].toDouble() }
        samples = rows.drop(1).map { row -> FloatArray(columns.size) { row[columns[it]].toFloat() } }
    }
}
