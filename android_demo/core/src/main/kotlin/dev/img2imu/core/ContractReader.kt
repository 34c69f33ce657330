package dev.img2imu.core

private val RATE_HZ_LIMITS = 10.0..400.0
private const val MIN_WINDOW_SAMPLES = 16

// Far above any real use. They keep what a damaged or hostile file may ask for within a few hundred MB.
private const val MAX_WINDOW_SAMPLES = 1_000_000
private const val MAX_FFT_SAMPLES = 8192
private const val MAX_FRAMES = 8192
private const val MAX_PIXELS = 1 shl 24 // of all images of a window
private const val MAX_GAP_S = 60.0
private const val MAX_REFRACTORY_S = 3600.0
private val LEVEL_DB_LIMITS = -300.0..300.0
private val GRAVITY = listOf("included", "removed", "unknown") // unknown: fewer than three accelerometer axes
private val BREAKS = setOf(CharCategory.CONTROL, CharCategory.LINE_SEPARATOR, CharCategory.PARAGRAPH_SEPARATOR)

/** Reads `img2imu.json` strictly, by the rules of `edge_runtime/contract/spec.py`. */
object ContractReader {
    /**
     * Parse and validate the document.
     *
     * @throws ContractError it is not JSON, has a newer schema, an unknown or missing key, or a value out of range.
     */
    fun read(text: String): Contract {
        val document =
            try {
                JsonParser.parse(text)
            } catch (error: JsonSyntaxError) {
                throw ContractError("the model's contract is not valid JSON (${error.message}): export the model again")
            }
        checkSchema(document as? Map<*, *>)
        val contract =
            try {
                contract(document)
            } catch (error: JsonError) {
                throw ContractError("in the model's contract, ${error.message}: export the model again")
            }
        validate(contract)
        return contract
    }

    private fun checkSchema(document: Map<*, *>?) {
        val schema = document?.get("schema")
        if (document?.get("taught") != null) {
            throw ContractError(
                "the model was taught on a device, where img2imu run takes it: open one written by " +
                    "img2imu export --target android",
            )
        }
        if (schema !is Long || schema < 1) {
            throw ContractError(
                "the model's contract has schema ${StrictJson.show(schema)}, expected a whole number from 1 to " +
                    "$SCHEMA: export the model again",
            )
        }
        if (schema > SCHEMA) {
            throw ContractError(
                "the model's contract has schema ${StrictJson.show(schema)}, this version reads up to $SCHEMA: " +
                    "update the app",
            )
        }
    }

    private fun contract(value: Any?): Contract {
        val names =
            "schema name stream window_samples hop_samples front_end labels decision quantisation provenance".split(" ")
        val json = StrictJson(value, "contract", names, optional = listOf("taught"))
        return Contract(
            schema = json.whole("schema"),
            name = json.text("name"),
            stream = stream(json.raw("stream")),
            windowSamples = json.whole("window_samples"),
            hopSamples = json.whole("hop_samples"),
            frontEnd = frontEnd(json.raw("front_end")),
            labels = json.texts("labels"),
            decision = decision(json.raw("decision")),
            quantisation = quantisation(json.raw("quantisation")),
            provenance = provenance(json.raw("provenance")),
        )
    }

    private fun stream(place: Pair<Any?, String>): StreamSpec {
        val names = "channels rate_hz gravity rate_tolerance max_gap_s".split(" ")
        val json = StrictJson(place.first, place.second, names)
        return StreamSpec(
            channels = json.texts("channels"),
            rateHz = json.number("rate_hz"),
            gravity = json.text("gravity"),
            rateTolerance = json.number("rate_tolerance"),
            maxGapS = json.number("max_gap_s"),
        )
    }

    private fun frontEnd(place: Pair<Any?, String>): FrontEndSpec {
        val names =
            "spectrograms frequency_knee_hz image_height image_width image_channels min_db max_db statistics".split(" ")
        val json = StrictJson(place.first, place.second, names)
        return FrontEndSpec(
            spectrograms = json.list("spectrograms", ::spectrogram),
            frequencyKneeHz = json.number("frequency_knee_hz"),
            imageHeight = json.whole("image_height"),
            imageWidth = json.whole("image_width"),
            imageChannels =
                json.list("image_channels") { triple, where -> StrictJson.list(triple, where, StrictJson::whole) },
            minDb = json.numbers("min_db"),
            maxDb = json.numbers("max_db"),
            statistics = json.texts("statistics"),
        )
    }

    private fun spectrogram(
        value: Any?,
        where: String,
    ): SpectrogramSpec {
        val json = StrictJson(value, where, listOf("fft_samples", "step_samples"))
        return SpectrogramSpec(json.whole("fft_samples"), json.whole("step_samples"))
    }

    private fun decision(place: Pair<Any?, String>): DecisionSpec {
        val optional = listOf("class_thresholds", "debounce_decisions", "refractory_s")
        val json = StrictJson(place.first, place.second, listOf("smoothing_windows", "threshold"), optional)
        return DecisionSpec(
            smoothingWindows = json.whole("smoothing_windows"),
            threshold = json.number("threshold"),
            classThresholds =
                if ("class_thresholds" in json) json.map("class_thresholds", StrictJson::number) else emptyMap(),
            debounceDecisions = if ("debounce_decisions" in json) json.whole("debounce_decisions") else 1,
            refractoryS = if ("refractory_s" in json) json.number("refractory_s") else 0.0,
        )
    }

    private fun quantisation(place: Pair<Any?, String>): Quantisation {
        val json = StrictJson(place.first, place.second, listOf("recipe", "converter", "quantiser"))
        return Quantisation(json.text("recipe"), json.text("converter"), json.text("quantiser"))
    }

    private fun provenance(place: Pair<Any?, String>): Provenance {
        val names =
            "data_set split_sha256 windows_per_class seed created versions macro_f1_float macro_f1".split(" ")
        val json = StrictJson(place.first, place.second, names)
        return Provenance(
            dataSet = json.text("data_set"),
            splitSha256 = json.text("split_sha256"),
            windowsPerClass = json.whole("windows_per_class"),
            seed = json.whole("seed"),
            created = json.text("created"),
            versions = json.map("versions", StrictJson::text),
            macroF1Float = json.numberOrNull("macro_f1_float"),
            macroF1 = json.numberOrNull("macro_f1"),
        )
    }
}

private fun validate(c: Contract) {
    validateStream(c.stream)
    validateFrontEnd(c)
    check(c.labels.size >= 2 && c.labels.toSet().size == c.labels.size && c.labels.all(::isLine), "labels", c.labels) {
        "two or more different names of one line each"
    }
    check(isLine(c.name), "name", c.name) { "one line of text" }
    validateDecision(c.decision, c.labels)
}

private fun validateStream(stream: StreamSpec) {
    val n = stream.channels.size
    val named = n in listOf(1, 3, 6) && stream.channels.toSet().size == n && CHANNELS.containsAll(stream.channels)
    check(named, "stream.channels", stream.channels) { "1, 3 or 6 different names out of ${CHANNELS.joinToString()}" }
    check(stream.rateHz in RATE_HZ_LIMITS, "stream.rate_hz", stream.rateHz) { "10 to 400" }
    check(stream.gravity in GRAVITY, "stream.gravity", stream.gravity) { "one of ${GRAVITY.joinToString()}" }
    check(stream.rateTolerance > 0 && stream.rateTolerance < 1, "stream.rate_tolerance", stream.rateTolerance) {
        "between 0 and 1"
    }
    check(stream.maxGapS in 2 / stream.rateHz..MAX_GAP_S, "stream.max_gap_s", stream.maxGapS) {
        "two samples to ${MAX_GAP_S.toInt()}"
    }
}

private fun validateFrontEnd(c: Contract) {
    val front = c.frontEnd
    val n = c.stream.channels.size
    val steps = front.spectrograms.map { it.stepSamples }
    check(c.windowSamples in MIN_WINDOW_SAMPLES..MAX_WINDOW_SAMPLES, "window_samples", c.windowSamples) {
        "$MIN_WINDOW_SAMPLES to $MAX_WINDOW_SAMPLES"
    }
    val fits = front.spectrograms.size in 1..16 && front.spectrograms.all { fits(it, c.windowSamples) }
    check(fits, "front_end.spectrograms", front.spectrograms) {
        "1 to 16, each with fft_samples within the window and up to $MAX_FFT_SAMPLES, and up to $MAX_FRAMES frames"
    }
    check(front.frequencyKneeHz in 1e-3..1e3, "front_end.frequency_knee_hz", front.frequencyKneeHz) { "0.001 to 1000" }
    check(c.hopSamples in 1..MAX_WINDOW_SAMPLES && steps.all { c.hopSamples % it == 0 }, "hop_samples", c.hopSamples) {
        "a multiple of every spectrogram's step ($steps)"
    }
    validateImages(front, n)
    val levels =
        front.minDb.size == n && front.maxDb.size == n &&
            front.minDb.zip(front.maxDb).all { (low, high) ->
                low in LEVEL_DB_LIMITS && high in LEVEL_DB_LIMITS && low + 1 <= high
            }
    check(levels, "front_end.min_db and max_db", listOf(front.minDb, front.maxDb)) {
        "$n levels each, -300 to 300, max at least 1 above min"
    }
    check(front.statistics.isNotEmpty(), "front_end.statistics", front.statistics) { "one name or more" }
}

private fun fits(
    spectrogram: SpectrogramSpec,
    windowSamples: Int,
): Boolean =
    spectrogram.fftSamples in 2..minOf(windowSamples, MAX_FFT_SAMPLES) &&
        spectrogram.stepSamples >= 1 &&
        (windowSamples - spectrogram.fftSamples) / spectrogram.stepSamples < MAX_FRAMES

private fun validateImages(
    front: FrontEndSpec,
    channels: Int,
) {
    val triples =
        front.imageChannels.size in 1..16 &&
            front.imageChannels.all { rgb -> rgb.size == 3 && rgb.all { it in 0 until channels } }
    val size =
        front.imageHeight in 1..1024 && front.imageWidth in 1..1024 &&
            front.nImages.toLong() * front.imageHeight * front.imageWidth <= MAX_PIXELS
    check(size, "front_end.image_height x image_width", listOf(front.imageHeight, front.imageWidth)) {
        "1 to 1024 pixels each, $MAX_PIXELS in all images together"
    }
    check(triples, "front_end.image_channels", front.imageChannels) { "triples of columns from 0 to ${channels - 1}" }
}

private fun validateDecision(
    spec: DecisionSpec,
    labels: List<String>,
) {
    check(spec.smoothingWindows in 1..1000, "decision.smoothing_windows", spec.smoothingWindows) { "1 to 1000" }
    check(spec.threshold in 0.0..1.0, "decision.threshold", spec.threshold) { "0 to 1" }
    val fits = labels.containsAll(spec.classThresholds.keys) && spec.classThresholds.values.all { it in 0.0..1.0 }
    check(fits, "decision.class_thresholds", spec.classThresholds) { "0 to 1 for labels of the model" }
    check(spec.debounceDecisions in 1..1000, "decision.debounce_decisions", spec.debounceDecisions) { "1 to 1000" }
    check(spec.refractoryS in 0.0..MAX_REFRACTORY_S, "decision.refractory_s", spec.refractoryS) { "0 to 3600" }
}

/** Whether the text fits on a line of a screen or of labels.txt: no control character, no line break, not blank. */
internal fun isLine(text: String): Boolean = text.isNotBlank() && text.none { it.category in BREAKS }

private inline fun check(
    valid: Boolean,
    where: String,
    value: Any,
    expected: () -> String,
) {
    if (!valid) {
        throw ContractError(
            "the model's contract has $where = ${StrictJson.show(value, 200)}, expected ${expected()}: " +
                "export the model again",
        )
    }
}
