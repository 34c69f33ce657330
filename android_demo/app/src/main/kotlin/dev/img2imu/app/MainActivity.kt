package dev.img2imu.app

import android.Manifest
import android.app.Activity
import android.content.ComponentName
import android.content.Context
import android.content.Intent
import android.content.ServiceConnection
import android.content.pm.PackageManager
import android.os.Build
import android.os.Bundle
import android.os.IBinder
import android.widget.Button
import android.widget.RadioGroup
import android.widget.TextView
import dev.img2imu.core.UserError

private const val OPEN_MODEL = 1
private const val ASK_NOTIFICATIONS = 2
private const val SCREEN = "screen"

/** The only activity: a model, Start and Stop, and four screens. The service does the work and outlives it. */
class MainActivity :
    Activity(),
    ServiceConnection {
    private lateinit var screens: Map<Int, Screen>
    private lateinit var bench: BenchScreen
    private lateinit var chosen: RadioGroup
    private lateinit var startStop: Button
    private lateinit var model: TextView
    private lateinit var message: TextView
    private var service: RecognitionService? = null
    private var ownMessage = ""

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.activity_main)
        chosen = findViewById(R.id.screens)
        startStop = findViewById(R.id.start_stop)
        model = findViewById(R.id.model)
        message = findViewById(R.id.message)
        bench = BenchScreen(this)
        val act = { action: (Session) -> Unit -> service?.onSession(action) ?: Unit }
        screens =
            mapOf(
                R.id.screen_live to LiveScreen(this),
                R.id.screen_teach to TeachScreen(this, act),
                R.id.screen_record to RecordScreen(this, act),
                R.id.screen_bench to bench,
            )
        chosen.check(savedInstanceState?.getInt(SCREEN) ?: R.id.screen_live)
        chosen.setOnCheckedChangeListener { _, _ -> refresh() }
        startStop.setOnClickListener { if (service?.isRunning == true) service?.stop() else start() }
        findViewById<Button>(R.id.open_model).setOnClickListener { openModel() }
        findViewById<Button>(R.id.bundled_model).setOnClickListener { changeModel { it.useBundled() } }
        showModel()
        // When it ran before, the system has ended the process.
        if (savedInstanceState == null && RecognitionService.ranBefore(this)) start()
    }

    override fun onSaveInstanceState(outState: Bundle) {
        super.onSaveInstanceState(outState)
        outState.putInt(SCREEN, chosen.checkedRadioButtonId)
    }

    override fun onStart() {
        super.onStart()
        bindService(RecognitionService.starting(this), this, Context.BIND_AUTO_CREATE)
    }

    override fun onStop() {
        service?.watcher = null
        service?.setHidden(true)
        service = null
        unbindService(this)
        super.onStop()
    }

    override fun onDestroy() {
        bench.cancel()
        super.onDestroy()
    }

    override fun onServiceConnected(
        name: ComponentName?,
        binder: IBinder?,
    ) {
        val bound = (binder as RecognitionService.Local).service
        service = bound
        bound.watcher = ::refresh
        bound.setHidden(false)
        refresh()
    }

    override fun onServiceDisconnected(name: ComponentName?) {
        service = null
        refresh()
    }

    override fun onRequestPermissionsResult(
        requestCode: Int,
        permissions: Array<String>,
        grantResults: IntArray,
    ) {
        super.onRequestPermissionsResult(requestCode, permissions, grantResults)
        if (requestCode == ASK_NOTIFICATIONS && grantResults.firstOrNull() != PackageManager.PERMISSION_GRANTED) {
            ownMessage =
                "Notifications are not allowed: recognition works, but there is no Stop outside of this screen."
            refresh()
        }
    }

    override fun onActivityResult(
        requestCode: Int,
        resultCode: Int,
        data: Intent?,
    ) {
        super.onActivityResult(requestCode, resultCode, data)
        val uri = data?.data
        if (requestCode == OPEN_MODEL && resultCode == RESULT_OK && uri != null) changeModel { it.open(uri) }
    }

    private fun start() {
        ownMessage = ""
        askForNotifications()
        try {
            startForegroundService(RecognitionService.starting(this))
        } catch (error: IllegalStateException) {
            ownMessage = "the system did not let recognition start (${error.message}): press Start again"
        }
        refresh()
    }

    private fun askForNotifications() {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.TIRAMISU) return
        if (checkSelfPermission(Manifest.permission.POST_NOTIFICATIONS) == PackageManager.PERMISSION_GRANTED) return
        requestPermissions(arrayOf(Manifest.permission.POST_NOTIFICATIONS), ASK_NOTIFICATIONS)
    }

    private fun openModel() {
        val open = Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE).setType("*/*")
        startActivityForResult(open, OPEN_MODEL)
    }

    private fun changeModel(change: (ModelStore) -> Unit) {
        try {
            change(ModelStore(this))
            service?.takeIf { it.isRunning }?.stop() // the next start uses the new model
            ownMessage = ""
        } catch (error: UserError) {
            ownMessage = error.message.orEmpty()
        }
        showModel()
        refresh()
    }

    private fun showModel() {
        val store = ModelStore(this)
        model.text =
            try {
                val contract = store.read().contract
                val stream = contract.stream
                "${store.name}: ${contract.name}, ${contract.labels.size} classes, ${stream.channels.size} channels " +
                    "at ${stream.rateHz} Hz, a decision every ${contract.hopS} s"
            } catch (error: UserError) {
                error.message
            }
    }

    private fun refresh() {
        val running = service?.isRunning == true
        startStop.setText(if (running) R.string.stop else R.string.start)
        message.text = listOf(ownMessage, service?.message.orEmpty()).filter { it.isNotEmpty() }.joinToString("\n")
        for ((id, screen) in screens) {
            val shown = id == chosen.checkedRadioButtonId
            screen.root.visibility = if (shown) android.view.View.VISIBLE else android.view.View.GONE
            if (shown) screen.show(service?.snapshot ?: Snapshot(), running)
        }
    }
}
