"""Debian's Chromium for the tests, driven by its DevTools protocol over one WebSocket."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from websockets.sync.client import connect

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--mute-audio",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)
TIMEOUT_S = 30.0  # long enough for a busy machine
SENSORS = ("accelerometer", "linear-acceleration", "gyroscope")


class Chromium:
    """A browser process with its own temporary profile."""

    def __init__(self, *flags: str) -> None:
        self._open = contextlib.ExitStack()
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        command = ["chromium", *FLAGS, *flags, f"--user-data-dir={self._profile}", "about:blank"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            port, path = self._endpoint()
            self._socket = self._open.enter_context(
                connect(
                    f"ws://127.0.0.1:{port}{path}",
                    max_size=None,
                    proxy=None,
                    compression=None,
                    open_timeout=TIMEOUT_S,
                )
            )
        except BaseException:
            self.close()
            raise
        self._ids = itertools.count(1)
        self.events: list[dict] = []

    def _endpoint(self):
        file = Path(self._profile, "DevToolsActivePort")
        deadline_s = time.monotonic() + TIMEOUT_S
        while not (file.exists() and file.read_text().count("\n") >= 1):
            assert time.monotonic() < deadline_s, "chromium did not start"
            time.sleep(0.05)
        return file.read_text().split("\n")[:2]

    def call(self, method, session=None, **parameters):
        """Send a command and return its result; keep events that arrive meanwhile."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self._socket.send(json.dumps(message))
        deadline_s = time.monotonic() + TIMEOUT_S
        while True:
            assert time.monotonic() < deadline_s, f"{method} got no answer"
            answer = json.loads(self._socket.recv(TIMEOUT_S))
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def page(self, url="about:blank", width=1280, height=900, mobile=False, dark=False):
        """Open a new tab."""
        return Page(self, url, width, height, mobile, dark)

    def close(self):
        """End the browser process and delete its profile."""
        with contextlib.suppress(Exception):
            self._open.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        shutil.rmtree(self._profile, ignore_errors=True)


class Page:
    """A tab."""

    def __init__(self, browser, url, width, height, mobile, dark):
        self._browser = browser
        context = browser.call("Target.createBrowserContext")["browserContextId"]
        self._target = browser.call(
            "Target.createTarget", url="about:blank", browserContextId=context
        )["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=self._target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )
        if url != "about:blank":
            self.open(url)

    def call(self, method, **parameters):
        """Send a command of the protocol to this tab."""
        return self._browser.call(method, self._session, **parameters)

    def open(self, url):
        """Open an address, and wait until the page has loaded."""
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def js(self, expression):
        """Return the awaited value of an expression, run as if by a user's action."""
        answer = self.call(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression, timeout_s=TIMEOUT_S):
        """Wait until an expression is true, and return its value."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            value = self.js(expression)
            if value:
                return value
            assert time.monotonic() < deadline_s, (
                f"never true: {expression}; {self.complaints()}; {self.text()[:2000]}"
            )
            time.sleep(0.05)

    def text(self, selector="body"):
        """Return the visible text of the first element that matches the selector."""
        return self.js(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def press(self, key, code=None, text=None):
        """Press and release a key."""
        event = {
            "key": key,
            "code": code or key,
            "windowsVirtualKeyCode": {"Tab": 9, "Enter": 13, " ": 32}.get(key, 0),
        }
        if text is None:
            text = {"Tab": "", "Enter": "\r"}.get(key, key)
        typed = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **event, **typed)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def complaints(self):
        """Return the errors in the page's console.

        They are exceptions, refused files, and whatever the content security policy blocked.
        """
        self.js("1")  # receives the events up to now
        errors = []
        for event in self._browser.events:
            if event.get("sessionId") != self._session:
                continue
            method = event["method"]
            parameters = event["params"]
            if method == "Runtime.exceptionThrown":
                details = parameters["exceptionDetails"]
                errors.append(details.get("exception", {}).get("description") or details["text"])
            elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
                entry = parameters["entry"]
                errors.append(f"{entry['text']} {entry.get('url', '')}")
            elif method == "Runtime.consoleAPICalled" and parameters["type"] == "error":
                values = [a.get("value", a.get("description")) for a in parameters["args"]]
                errors.append(" ".join(map(str, values)))
        # LiteRT prints its information and warnings as errors too.
        return [line for line in errors if not line.startswith(("INFO: ", "WARNING: "))]

    def requested(self):
        """Return the addresses of everything that the page has requested."""
        self.js("1")
        return [
            event["params"]["request"]["url"]
            for event in self._browser.events
            if event["method"] == "Network.requestWillBeSent"
            and event.get("sessionId") == self._session
        ]

    def picture(self, path, whole=True):
        """Write a screenshot of the whole page, or of the visible part, to a file."""
        parameters = {"format": "png"}
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            parameters |= {
                "captureBeyondViewport": True,
                "clip": {
                    "x": 0,
                    "y": 0,
                    "width": size["width"],
                    "height": size["height"],
                    "scale": 1,
                },
            }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            base64.b64decode(self.call("Page.captureScreenshot", **parameters)["data"])
        )

    def emulate_sensors(self):
        """Emulate motion sensors. Call it before the page listens to them."""
        for name in SENSORS:
            self.call(
                "Emulation.setSensorOverrideEnabled",
                enabled=True,
                type=name,
                metadata={"available": True},
            )

    def set_sensors(self, acc, gyro):
        """Set the readings: acceleration with gravity in m/s^2, rotation in rad/s."""
        for name, (x, y, z) in zip(SENSORS, (acc, acc, gyro), strict=True):
            self.call(
                "Emulation.setSensorOverrideReadings",
                type=name,
                reading={"xyz": {"x": float(x), "y": float(y), "z": float(z)}},
            )

    def close(self):
        """Close the tab."""
        self._browser.call("Target.closeTarget", targetId=self._target)
