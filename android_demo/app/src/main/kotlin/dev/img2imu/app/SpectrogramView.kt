package dev.img2imu.app

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.graphics.Rect
import android.util.AttributeSet
import android.view.View

private const val GAP_PIXELS = 1 // between two images

/** The images of a window as the network sees them: a row for each resolution, a column for each sensor. */
class SpectrogramView(
    context: Context,
    attributes: AttributeSet?,
) : View(context, attributes) {
    private val sharp = Paint().apply { isFilterBitmap = false } // the network's own pixels
    private val target = Rect()
    private var bitmap: Bitmap? = null

    fun show(images: Images?) {
        bitmap = images?.let(::draw)
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        val shown = bitmap ?: return
        target.set(0, 0, width, height)
        canvas.drawBitmap(shown, null, target, sharp)
    }

    private fun draw(images: Images): Bitmap {
        val rows = images.n / images.perRow
        val width = images.perRow * (images.width + GAP_PIXELS)
        val height = rows * (images.height + GAP_PIXELS)
        val colours = IntArray(width * height)
        for (image in 0 until images.n) {
            val left = image % images.perRow * (images.width + GAP_PIXELS)
            val top = image / images.perRow * (images.height + GAP_PIXELS)
            for (y in 0 until images.height) {
                for (x in 0 until images.width) {
                    val from = ((image * images.height + y) * images.width + x) * 3
                    colours[(top + y) * width + left + x] = colour(images.pixels, from)
                }
            }
        }
        return Bitmap.createBitmap(colours, width, height, Bitmap.Config.ARGB_8888)
    }

    private fun colour(
        pixels: FloatArray,
        from: Int,
    ): Int = Color.rgb(shade(pixels[from]), shade(pixels[from + 1]), shade(pixels[from + 2]))

    private fun shade(value: Float): Int = ((value + 1) * 127.5f).toInt().coerceIn(0, 255)
}
