package dev.img2imu.app

import android.content.ContentProvider
import android.content.ContentValues
import android.content.Context
import android.content.Intent
import android.database.Cursor
import android.database.MatrixCursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.OpenableColumns
import java.io.File
import java.io.FileNotFoundException

private const val AUTHORITY = "dev.img2imu.app.files"

/** Gives recordings and results to the apps that the user shares them with: read only, and no other files. */
class SharedFiles : ContentProvider() {
    override fun onCreate(): Boolean = true

    override fun getType(uri: Uri): String =
        if (uri.lastPathSegment.orEmpty().endsWith(".csv")) "text/csv" else "application/json"

    override fun query(
        uri: Uri,
        projection: Array<String>?,
        selection: String?,
        selectionArgs: Array<String>?,
        sortOrder: String?,
    ): Cursor {
        val file = file(uri)
        val columns = projection ?: arrayOf(OpenableColumns.DISPLAY_NAME, OpenableColumns.SIZE)
        val cursor = MatrixCursor(columns, 1)
        val row =
            columns.map {
                when (it) {
                    OpenableColumns.DISPLAY_NAME -> file.name
                    OpenableColumns.SIZE -> file.length()
                    else -> null
                }
            }
        cursor.addRow(row)
        return cursor
    }

    override fun openFile(
        uri: Uri,
        mode: String,
    ): ParcelFileDescriptor = ParcelFileDescriptor.open(file(uri), ParcelFileDescriptor.MODE_READ_ONLY)

    override fun insert(
        uri: Uri,
        values: ContentValues?,
    ): Uri? = throw UnsupportedOperationException("read only")

    override fun update(
        uri: Uri,
        values: ContentValues?,
        selection: String?,
        selectionArgs: Array<String>?,
    ): Int = throw UnsupportedOperationException("read only")

    override fun delete(
        uri: Uri,
        selection: String?,
        selectionArgs: Array<String>?,
    ): Int = throw UnsupportedOperationException("read only")

    private fun file(uri: Uri): File {
        val name = uri.lastPathSegment.orEmpty()
        return directory(requireNotNull(context)).listFiles().orEmpty().firstOrNull { it.name == name }
            ?: throw FileNotFoundException(name)
    }

    companion object {
        /** Return the folder of the files that can be shared. */
        fun directory(context: Context): File = File(context.filesDir, "shared").also { it.mkdirs() }

        /** Return the system's list of apps that a file can be sent to. */
        fun sending(file: File): Intent {
            val uri =
                Uri
                    .Builder()
                    .scheme("content")
                    .authority(AUTHORITY)
                    .appendPath(file.name)
                    .build()
            val send =
                Intent(Intent.ACTION_SEND)
                    .setType(if (file.name.endsWith(".csv")) "text/csv" else "application/json")
                    .putExtra(Intent.EXTRA_STREAM, uri)
                    .addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
            return Intent.createChooser(send, file.name)
        }
    }
}
