package dev.img2imu.app

import android.content.Context
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.util.AttributeSet
import android.view.View

private const val LEAST_RANGE = 1f // in the channels' unit: weaker noise does not fill the panel
private val AXIS_COLOURS = mapOf('x' to Color.RED, 'y' to Color.rgb(0, 128, 0), 'z' to Color.BLUE)

/** The signals of the newest window as curves: a panel for each sensor; red, green and blue are x, y and z. */
class SignalView(
    context: Context,
    attributes: AttributeSet?,
) : View(context, attributes) {
    private val paint = Paint().apply { isAntiAlias = true }
    private var signals: Signals? = null

    fun show(signals: Signals?) {
        this.signals = signals
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        val shown = signals ?: return
        val columnsOfSensor = shown.channels.indices.groupBy { shown.channels[it].substringBefore('_') }
        columnsOfSensor.values.forEachIndexed { panel, columns ->
            drawPanel(canvas, shown, columns, panel, columnsOfSensor.size)
        }
    }

    private fun drawPanel(
        canvas: Canvas,
        signals: Signals,
        columns: List<Int>,
        panel: Int,
        panels: Int,
    ) {
        val height = height.toFloat() / panels
        val values = columns.map(signals::column)
        val lowest = values.minOf { it.min() }
        val range = maxOf(values.maxOf { it.max() } - lowest, LEAST_RANGE)
        for ((i, column) in columns.withIndex()) {
            paint.color = AXIS_COLOURS[signals.channels[column].last()] ?: Color.BLACK
            val points = values[i].map { (panel + 1) * height - (it - lowest) / range * height }
            val step = width.toFloat() / (points.size - 1)
            for (x in 1 until points.size) {
                canvas.drawLine((x - 1) * step, points[x - 1], x * step, points[x], paint)
            }
        }
    }
}
