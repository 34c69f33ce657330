package dev.img2imu.app

import android.app.Notification
import android.app.NotificationChannel
import android.app.NotificationManager
import android.app.PendingIntent
import android.app.Service
import android.content.Context
import android.content.Intent
import android.hardware.SensorManager
import android.os.Binder
import android.os.Build
import android.os.Handler
import android.os.HandlerThread
import android.os.IBinder
import android.os.Looper
import android.os.PowerManager
import dev.img2imu.core.Model
import dev.img2imu.core.UserError

private const val CHANNEL = "recognition"
private const val NOTIFICATION = 1
private const val TICK_MS = 250L
private const val BATCH_WHILE_HIDDEN_US = 1_000_000
private const val STOP = "dev.img2imu.app.STOP"
private const val PREFERENCES = "service"
private const val RUNNING = "running"

/**
 * Runs recognition in the foreground, so that it goes on while the screen is off and through a rotation.
 *
 * The service is sticky: when the system ends the process for memory, it starts the service again with the same model
 * and what was taught. A recording that was running ends with its last whole line.
 */
class RecognitionService :
    Service(),
    SessionListener {
    /** Gives the activity access to the service. */
    inner class Local : Binder() {
        val service: RecognitionService get() = this@RecognitionService
    }

    private val main = Handler(Looper.getMainLooper())
    private var thread: HandlerThread? = null
    private var handler: Handler? = null
    private var sensors: MotionSensors? = null
    private var session: Session? = null
    private var model: Model? = null
    private var wakeLock: PowerManager.WakeLock? = null
    private var hidden = false

    /** The newest state and the newest message, for a screen that is opened later. */
    var snapshot = Snapshot()
        private set
    var message = ""
        private set

    /** Called on the main thread when [snapshot] or [message] has changed. */
    var watcher: (() -> Unit)? = null

    val isRunning: Boolean get() = session != null

    override fun onBind(intent: Intent?): IBinder = Local()

    override fun onStartCommand(
        intent: Intent?,
        flags: Int,
        startId: Int,
    ): Int {
        if (intent?.action == STOP) {
            stop()
            return START_NOT_STICKY
        }
        if (!isRunning) start()
        return if (isRunning) START_STICKY else START_NOT_STICKY
    }

    override fun onDestroy() {
        release()
        super.onDestroy()
    }

    /** Stop the sensors and the service. */
    fun stop() {
        release()
        preferences(this).edit().putBoolean(RUNNING, false).apply()
        stopForeground(STOP_FOREGROUND_REMOVE)
        stopSelf()
        watcher?.invoke()
    }

    /** Note whether a screen shows the label. While none does, the sensors may send batches, which saves power. */
    fun setHidden(value: Boolean) {
        if (hidden == value) return
        hidden = value
        onSession { if (isRunning) startSensors(it) }
    }

    /** Run [action] on the session's own thread; does nothing without a session. */
    fun onSession(action: (Session) -> Unit) {
        val running = session ?: return
        handler?.post { action(running) }
    }

    override fun changed(snapshot: Snapshot) {
        main.post {
            if (!isRunning) return@post
            this.snapshot = snapshot
            watcher?.invoke()
        }
    }

    override fun say(message: String) {
        main.post {
            this.message = message
            watcher?.invoke()
        }
    }

    private fun start() {
        message = ""
        try {
            startForeground(NOTIFICATION, notification())
            begin()
            preferences(this).edit().putBoolean(RUNNING, true).apply()
        } catch (error: UserError) {
            message = error.message.orEmpty()
            stop()
        } catch (error: IllegalStateException) {
            // Android 12 and later do this when the service is started in the background.
            message = "the system did not let recognition go on in the background (${error.message}): press Start"
            stop()
        } catch (error: SecurityException) {
            message = "the system does not allow recognition in the background (${error.message}): allow it in the " +
                "app's settings"
            stop()
        }
    }

    private fun begin() {
        val store = ModelStore(this)
        val file = store.read()
        val network = Model(LiteRtInterpreter(file.tflite), file.contract)
        model = network
        val begun = Session(file, network, store.taught, this)
        session = begun
        thread = HandlerThread("sensors").also { it.start() }
        val own = Handler(checkNotNull(thread).looper)
        handler = own
        sensors = MotionSensors(getSystemService(SensorManager::class.java), own, begun::event)
        wakeLock =
            getSystemService(PowerManager::class.java)
                .newWakeLock(PowerManager.PARTIAL_WAKE_LOCK, "img2imu:sensors")
                .also { it.acquire() }
        own.post(begun::prepare)
        startSensors(begun)
        own.post(
            object : Runnable {
                override fun run() {
                    begun.tick()
                    own.postDelayed(this, TICK_MS)
                }
            },
        )
    }

    private fun startSensors(session: Session) {
        try {
            val batchUs = if (hidden) BATCH_WHILE_HIDDEN_US else 0
            session.allowBatches(batchUs / 1e6)
            sensors?.start(session.contract.stream, session.sensors, batchUs)
        } catch (error: UserError) {
            say(error.message.orEmpty())
            main.post(::stop)
        }
    }

    private fun release() {
        sensors?.stop()
        val ended = session
        val network = model
        handler?.removeCallbacksAndMessages(null)
        handler?.post {
            ended?.endRecording()
            network?.close()
        }
        thread?.quitSafely()
        wakeLock?.takeIf { it.isHeld }?.release()
        session = null
        model = null
        handler = null
        thread = null
        sensors = null
        snapshot = Snapshot()
    }

    private fun notification(): Notification {
        val manager = getSystemService(NotificationManager::class.java)
        val channel = NotificationChannel(CHANNEL, getString(R.string.channel), NotificationManager.IMPORTANCE_LOW)
        manager.createNotificationChannel(channel)
        val open =
            PendingIntent.getActivity(
                this,
                0,
                Intent(this, MainActivity::class.java),
                PendingIntent.FLAG_IMMUTABLE,
            )
        val stop = PendingIntent.getService(this, 1, stopping(this), PendingIntent.FLAG_IMMUTABLE)
        val button = Notification.Action.Builder(null, getString(R.string.stop), stop).build()
        val built =
            Notification
                .Builder(this, CHANNEL)
                .setContentTitle(getString(R.string.app_name))
                .setSmallIcon(R.drawable.ic_app)
                .setContentIntent(open)
                .setOngoing(true)
                .addAction(button)
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) {
            built.setForegroundServiceBehavior(Notification.FOREGROUND_SERVICE_IMMEDIATE)
        }
        return built.build()
    }

    companion object {
        fun starting(context: Context): Intent = Intent(context, RecognitionService::class.java)

        fun stopping(context: Context): Intent = starting(context).setAction(STOP)

        /** Whether recognition ran when the process last ended. */
        fun ranBefore(context: Context): Boolean = preferences(context).getBoolean(RUNNING, false)

        private fun preferences(context: Context) = context.getSharedPreferences(PREFERENCES, Context.MODE_PRIVATE)
    }
}
