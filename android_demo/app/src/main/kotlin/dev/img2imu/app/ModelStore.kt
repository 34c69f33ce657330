package dev.img2imu.app

import android.content.Context
import android.net.Uri
import android.provider.OpenableColumns
import dev.img2imu.core.Container
import dev.img2imu.core.ContractError
import dev.img2imu.core.Model
import dev.img2imu.core.ModelFile
import java.io.File
import java.io.IOException

private const val BUNDLED = "demo.tflite"
private const val OPENED = "model.tflite"
private const val MAX_MODEL_BYTES = 256 shl 20
private const val PREFERENCES = "model"
private const val NAME = "name"

/** Keeps the model in use: the bundled one, or a copy of a file that the user opened. */
class ModelStore(
    private val context: Context,
) {
    private val opened = File(context.filesDir, OPENED)
    private val preferences = context.getSharedPreferences(PREFERENCES, Context.MODE_PRIVATE)

    /** Name of the file, shown to the user. */
    val name: String get() = if (opened.exists()) preferences.getString(NAME, null) ?: OPENED else BUNDLED

    /** File with the windows that were taught with this model. */
    val taught: File get() = File(context.filesDir, if (opened.exists()) "opened.taught" else "bundled.taught")

    /** Read the model in use; a copy that has become unreadable is replaced by the bundled one. */
    fun read(): ModelFile {
        if (opened.exists()) {
            try {
                return Container.read(opened.readBytes(), name)
            } catch (_: IOException) {
                opened.delete()
            }
        }
        return Container.read(context.assets.open(BUNDLED).use { it.readBytes() }, BUNDLED)
    }

    /**
     * Use another file from now on. The model in use stays if the app cannot run the new one.
     *
     * @throws ContractError the file cannot be read, is not a model, or has its front end outside the network.
     */
    fun open(uri: Uri) {
        val name = nameOf(uri)
        try {
            val content =
                context.contentResolver.openInputStream(uri)?.use { it.readNBytesAtMost(MAX_MODEL_BYTES + 1) }
                    ?: throw IOException("its app gives nothing")
            val file = Container.read(content, name)
            Model(LiteRtInterpreter(file.tflite), file.contract).close()
            val partial = File(opened.path + ".new")
            partial.writeBytes(content)
            if (!partial.renameTo(opened)) throw IOException("it cannot be kept")
            File(context.filesDir, "opened.taught").delete() // taught with another network
            preferences.edit().putString(NAME, name).apply()
        } catch (error: IOException) {
            throw ContractError("cannot read the model file $name (${error.message}): copy it to this phone first")
        } catch (error: SecurityException) {
            throw ContractError("cannot read the model file $name (${error.message}): open it again")
        }
    }

    /** Use the bundled model again. */
    fun useBundled() {
        opened.delete()
    }

    private fun nameOf(uri: Uri): String =
        context.contentResolver.query(uri, arrayOf(OpenableColumns.DISPLAY_NAME), null, null, null)?.use {
            if (it.moveToFirst()) it.getString(0) else null
        } ?: uri.lastPathSegment ?: "the file"
}

private fun java.io.InputStream.readNBytesAtMost(most: Int): ByteArray {
    val out = java.io.ByteArrayOutputStream()
    val buffer = ByteArray(1 shl 16)
    while (out.size() < most) {
        val n = read(buffer, 0, minOf(buffer.size, most - out.size()))
        if (n < 0) break
        out.write(buffer, 0, n)
    }
    return out.toByteArray()
}
