package dev.img2imu.app

import android.view.View

/** One of the four screens of the activity. */
interface Screen {
    /** The view that is visible while the screen is chosen. */
    val root: View

    /** Show the service's newest state; without a service, an empty one. */
    fun show(
        snapshot: Snapshot,
        running: Boolean,
    )
}
