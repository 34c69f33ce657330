package dev.img2imu.core

/** Reads `img2imu.json`, strictly. */
object ContractReader {
    /**
     * Parse and validate the document.
     *
     * @throws ContractError not JSON, a newer schema, an unknown or missing key, a value that makes no sense.
     */
    fun read(text: String): Contract {
        val document =
            try {
                JsonParser.parse(text)
            } catch (error: JsonSyntaxError) {
                throw ContractError("the model's contract is not valid JSON (${error.message}): export the model again")
            }
        checkSchema((document as? Map<*, *>)?.get("schema"))
        val contract =
            try {
                contract(document)
            } catch (error: JsonError) {
                throw ContractError("in the model's contract, ${error.message}: export the model again")
            }
        validate(contract)
        return contract
    }

    private fun checkSchema(schema: Any?) {
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
        val json =
            StrictJson(
                value,
                "contract",
                listOf(
                    "schema",
                    "name",
                    "stream",
                    "window_samples",
                    "hop_samples",
                    "front_end",
                    "labels",
                    "decision",
                    "quantisation",
                    "provenance",
                ),
            )
        return Contract(
            json.whole("schema"),
            json.text("name"),
            stream(json.raw("stream")),
            json.whole("window_samples"),
            json.whole("hop_samples"),
            frontEnd(json.raw("front_end")),
            json.texts("labels"),
            decision(json.raw("decision")),
            quantisation(json.raw("quantisation")),
            provenance(json.raw("provenance")),
        )
    }

    private fun stream(place: Pair<Any?, String>): StreamSpec {
        val names = listOf("channels", "rate_hz", "gravity", "rate_tolerance", "max_gap_s")
        val json = StrictJson(place.first, place.second, names)
        return StreamSpec(
            json.texts("channels"),
            json.number("rate_hz"),
            json.text("gravity"),
            json.number("rate_tolerance"),
            json.number("max_gap_s"),
        )
    }

    private fun frontEnd(place: Pair<Any?, String>): FrontEndSpec {
        val names =
            listOf(
                "spectrograms",
                "frequency_knee_hz",
                "image_height",
                "image_width",
                "image_channels",
                "min_db",
                "max_db",
                "statistics",
            )
        val json = StrictJson(place.first, place.second, names)
        return FrontEndSpec(
            json.list("spectrograms", ::spectrogram),
            json.number("frequency_knee_hz"),
            json.whole("image_height"),
            json.whole("image_width"),
            json.list("image_channels") { triple, where -> StrictJson.list(triple, where, StrictJson::whole) },
            json.numbers("min_db"),
            json.numbers("max_db"),
            json.texts("statistics"),
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
            json.whole("smoothing_windows"),
            json.number("threshold"),
            if ("class_thresholds" in json) json.map("class_thresholds", StrictJson::number) else emptyMap(),
            if ("debounce_decisions" in json) json.whole("debounce_decisions") else 1,
            if ("refractory_s" in json) json.number("refractory_s") else 0.0,
        )
    }

    private fun quantisation(place: Pair<Any?, String>): Quantisation {
        val json = StrictJson(place.first, place.second, listOf("recipe", "converter", "quantiser"))
        return Quantisation(json.text("recipe"), json.text("converter"), json.text("quantiser"))
    }

    private fun provenance(place: Pair<Any?, String>): Provenance {
        val names =
            listOf(
                "data_set",
                "split_sha256",
                "windows_per_class",
                "seed",
                "created",
                "versions",
                "macro_f1_float",
                "macro_f1",
            )
        val json = StrictJson(place.first, place.second, names)
        return Provenance(
            json.text("data_set"),
            json.text("split_sha256"),
            json.whole("windows_per_class"),
            json.whole("seed"),
            json.text("created"),
            json.map("versions", StrictJson::text),
            json.numberOrNull("macro_f1_float"),
            json.numberOrNull("macro_f1"),
        )
    }
}
