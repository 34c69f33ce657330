package dev.img2imu.jvm

import com.sun.jna.NativeLibrary
import com.sun.jna.Pointer
import com.sun.jna.ptr.LongByReference
import com.sun.jna.ptr.PointerByReference

/** LiteRT's C library; the header files of LiteRT 2.x describe each function's arguments. */
internal class LiteRtLibrary(
    path: String,
) {
    private val library = NativeLibrary.getInstance(path)

    /** Call a function that returns a status, 0 on success. */
    fun call(
        name: String,
        vararg arguments: Any?,
    ) {
        val status = library.getFunction(name).invokeInt(arguments)
        check(status == 0) { "$name answered $status" }
    }

    /** Call a function that returns a pointer through its last argument. */
    fun pointer(
        name: String,
        vararg arguments: Any?,
    ): Pointer = PointerByReference().also { call(name, *arguments, it) }.value

    /** Call a function that returns a size through its last argument. */
    fun size(
        name: String,
        vararg arguments: Any?,
    ): Int = LongByReference().also { call(name, *arguments, it) }.value.toInt()

    /** Free an object that a function made. */
    fun destroy(
        name: String,
        handle: Pointer,
    ) = library.getFunction(name).invokeVoid(arrayOf(handle))
}
