# Every target makes .venv itself if it is missing or older than pyproject.toml or constraints.txt.
PYTHON ?= python3.11
VENV ?= .venv
OUT ?= out/demo
DATA ?= ../shared/data

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
PACKAGES := edge_runtime img2imu export
SOURCES := $(wildcard $(PACKAGES) tests benchmarks golden .ci/android)

.DEFAULT_GOAL := help
# Every target with a help text is a name, not a file.
.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*\#\#.*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## list the targets
	@echo "make TARGET [PYTHON=python3.11] [VENV=.venv] [OUT=out/demo]"
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1@\2/p' $(MAKEFILE_LIST) | awk -F@ '{ printf "%-17s %s\n", $$1, $$2 }'

venv: $(INSTALLED) ## create .venv with everything in it (7 GB)

# If this is interrupted, the stamp is missing and the next make continues where pip stopped.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "make: '$(PYTHON)' is missing or older than Python 3.11." \
	       "Install Python 3.11, or name yours: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "creating $(VENV) (about 7 GB, 3 minutes; torch is most of it) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install -qq -c constraints.txt -e ".[dev]"
	@touch $@
	@echo "$(VENV) is ready"

demo: $(INSTALLED) ## learn, export and replay the watch recordings; report and pictures in OUT
	$(BIN)/img2imu demo --out $(OUT)

# One worker per core, with one thread each. The tests of a file share models, so they stay
# together.
test: $(INSTALLED) ## run the tests with coverage
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --cov --cov-report=term

# The extra's versions are pinned too. It adds 2 GB, and `make test` does not need it.
$(VENV)/.onnx2tf: $(INSTALLED)
	@echo "adding the extra onnx2tf to $(VENV) (2 GB) ..."
	@$(PIP) install -qq -c constraints.txt -e ".[onnx2tf]"
	@$(PIP) check
	@touch $@

test-onnx2tf: $(VENV)/.onnx2tf ## test the second converter, ONNX -> onnx2tf -> TensorFlow, against the first
	$(BIN)/python -m pytest tests/export/converters

test-base: ## test the base install (no torch) in clean environments: 3.11, 3.13, tflite-runtime with numpy 1
	.ci/base_install 3.11
	.ci/base_install 3.13
	.ci/base_install 3.11 --without ai-edge-litert "numpy<2" tflite-runtime==2.14.0

test-sources: $(INSTALLED) ## test MQTT against Debian's broker mosquitto, which it installs
	.ci/with_packages mosquitto -- $(BIN)/python -m pytest -m broker tests/edge_runtime

VM_PACKAGES := kmod cpio xz-utils
test-arm64 bench-arm64 test-iio: export VENV_PYTHON = $(abspath $(BIN)/python)

test-arm64: $(INSTALLED) ## test the runtime on emulated arm64, Python 3.11 and 3.13, and compare its answers with this machine's
	.ci/with_packages qemu-user-static mmdebstrap -- .ci/arm64/test

bench-arm64: $(INSTALLED) ## count the instructions of a decision on arm64; a rise of over 5 % fails
	.ci/with_packages qemu-system-arm mmdebstrap $(VM_PACKAGES) -- .ci/arm64/bench

test-iio: $(INSTALLED) ## test the IIO source over the kernel's own LSM6DSO driver, in a virtual machine
	.ci/with_packages qemu-system-x86 $(VM_PACKAGES) -- .ci/vm/test_iio

# Other people's files for the pages. They are fetched at the versions of package-lock.json and
# never committed. A wheel that is built after that contains them.
PAGES := edge_runtime/web
$(PAGES)/node_modules/.made: $(PAGES)/package-lock.json
	@command -v npm >/dev/null || .ci/with_packages npm -- true
	cd $(PAGES) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(PAGES)/vendor/.made: $(PAGES)/node_modules/.made
	rm -rf $(PAGES)/vendor && mkdir -p $(PAGES)/vendor/uplot $(PAGES)/vendor/litert/wasm
	cd $(PAGES)/node_modules && cp uplot/LICENSE uplot/dist/uPlot.esm.js uplot/dist/uPlot.min.css ../vendor/uplot/
	cp LICENSE $(PAGES)/vendor/litert/
	cp $(PAGES)/node_modules/@litertjs/core/dist/index.js $(PAGES)/vendor/litert/core.js
	cp $(PAGES)/node_modules/@litertjs/wasm-utils/dist/bundle.js $(PAGES)/vendor/litert/wasm-utils.js
	cd $(PAGES)/node_modules/@litertjs/core/wasm && \
	  cp litert_wasm_internal.* litert_wasm_compat_internal.* ../../../../vendor/litert/wasm/
	gzip -9 -n $(PAGES)/vendor/litert/wasm/*
	@touch $@

web: $(PAGES)/vendor/.made ## fetch uPlot and LiteRT.js, which the pages need (npm)

test-web: $(INSTALLED) web ## test the pages in Debian's Chromium with emulated motion sensors; pictures in out/web
	.ci/with_packages chromium -- $(BIN)/python -m pytest -m browser tests/web

test-javascript: ## test the pages' scripts in Node, without a browser: the golden files
	.ci/test_javascript

# JUnit, JNA and a JDK come from Debian, the Kotlin compiler from npm.
ANDROID_TESTS := default-jdk-headless junit5 libjna-java libjna-jni

test-android: $(INSTALLED) ## test the Kotlin code on the JVM: the golden files, and LiteRT against img2imu run
	.ci/with_packages $(ANDROID_TESTS) -- .ci/android/test $(BIN)/python

# The platform's API and resources come from Debian too, R8 from a wheel, ktlint from npm.
android: $(INSTALLED) ## build the phone app without Gradle, as far as possible: an APK without LiteRT
	.ci/with_packages default-jdk-headless aapt zipalign apksigner zip dpkg-dev -- .ci/android/build_apk $(BIN)/python

bench-android: $(INSTALLED) ## time a decision of the app's model on the JVM
	.ci/with_packages $(ANDROID_TESTS) -- .ci/android/test $(BIN)/python benchmark

figures: $(INSTALLED) ## measure the figures that the README quotes
	$(BIN)/python benchmarks/foundation.py

bench: $(INSTALLED) ## measure one decision against what people would use instead, side by side (a few minutes)
	$(BIN)/python benchmarks/alternatives.py --out out/bench

day: $(INSTALLED) ## recognise 24 hours of a bad stream at maximum speed: memory, samples, decisions, cost (ten minutes)
	$(BIN)/python benchmarks/day_long.py --out out/day

fewshot: $(INSTALLED) ## run the few-shot benchmark on the data sets in DATA (hours with every method)
	IMG2IMU_LIMU_BERT=$${IMG2IMU_LIMU_BERT:-$(DATA)/limu_bert_x.pt} $(BIN)/img2imu fewshot --data-dir $(DATA) --out out/fewshot

finetuning: $(INSTALLED) ## compare heads, views and fine-tuning with the default head, on the data sets in DATA (an hour)
	$(BIN)/python benchmarks/finetuning.py --data-dir $(DATA)

personalisation: $(INSTALLED) ## measure a device taught by its user: later windows, unknown motions, false triggers (half an hour)
	$(BIN)/python benchmarks/personalisation.py --data-dir $(DATA) --open-draws 3

ablation: $(INSTALLED) ## measure what each part of the method brings, and what other streams cost (half an hour)
	$(BIN)/python benchmarks/ablation.py --data-dir $(DATA)

pretraining: $(INSTALLED) ## measure whether pre-training on photographs helps, and which augmentations (half an hour)
	$(BIN)/python benchmarks/pretraining.py --data-dir $(DATA) --photographs $(DATA)/photos_tiny_40k.zip

export-matrix: $(VENV)/.onnx2tf ## export every recipe by every converter on three networks: size, speed, accuracy lost
	$(BIN)/python benchmarks/export_matrix.py

PRETTIER := $(PAGES)/node_modules/.bin/prettier --config $(PAGES)/package.json
PAGE_SOURCES := "$(PAGES)/static/*.js" "$(PAGES)/static/*.css" "tests/javascript/*.mjs"

format: $(INSTALLED) $(PAGES)/node_modules/.made ## format the code: Python with ruff, the pages' JavaScript and CSS with prettier
	$(BIN)/ruff check --quiet --select I --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)
	$(PRETTIER) --log-level warn --write $(PAGE_SOURCES)

formatted: $(INSTALLED) $(PAGES)/node_modules/.made ## check that the code is formatted
	$(BIN)/ruff format --check $(SOURCES)
	$(PRETTIER) --check $(PAGE_SOURCES)

lint: $(INSTALLED) ## check with ruff
	$(BIN)/ruff check $(SOURCES)

types: $(INSTALLED) ## check with mypy, strict
	$(BIN)/mypy

imports: $(INSTALLED) ## check the import rules (pyproject.toml)
	$(BIN)/lint-imports

check: formatted lint types imports ## check format, lint, types and imports

clean: ## remove .venv and everything that was built
	rm -rf $(VENV) $(PAGES)/vendor $(PAGES)/node_modules out build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
