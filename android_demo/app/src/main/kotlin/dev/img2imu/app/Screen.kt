package dev.img2imu.app

import android.view.View

/** One of the four screens of the activity. */
interface Screen {
    /** Shown while the screen is chosen. */
    val root: View

    /** Show the service's newest state, or that there is none. */
    fun show(
        snapshot: Snapshot,
        running: Boolean,
    )
}
