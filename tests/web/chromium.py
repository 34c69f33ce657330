"""A real browser for the tests: Debian's Chromium, driven by its DevTools protocol over one WebSocket."""

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
ENOUGH_S = 30.0  # a busy machine is slow; what takes longer fails
SENSORS = ("accelerometer", "linear-acceleration", "gyroscope")


class Chromium:
    """A browser process with a profile of its own."""

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
                    open_timeout=ENOUGH_S,
                )
            )
        except BaseException:
            self.close()
            raise
        self._ids = itertools.count(1)
        self.events: list[dict] = []

    def _endpoint(self):
        file, deadline_s = Path(self._profile, "DevToolsActivePort"), time.monotonic() + ENOUGH_S
        while not (file.exists() and file.read_text().count("\n") >= 1):
            assert time.monotonic() < deadline_s, "chromium did not start"
            time.sleep(0.05)
        return file.read_text().split("\n")[:2]

    def call(self, method, session=None, **parameters):
        """One command of the protocol; events that come meanwhile are kept."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        deadline_s = time.monotonic() + ENOUGH_S
        while True:
            assert time.monotonic() < deadline_s, f"{method} is not answered"
            answer = json.loads(self._socket.recv(ENOUGH_S))
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def page(self, url="about:blank", width=1280, height=900, mobile=False, dark=False):
        """A new tab."""
        return Page(self, url, width, height, mobile, dark)

    def close(self):
        """End the process that was started here."""
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
        """A command for this tab."""
        return self._browser.call(method, self._session, **parameters)

    def open(self, url):
        """Go there, and wait until its scripts have run."""
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def js(self, expression):
        """The value of an expression, awaited, as if a person had caused it."""
        answer = self.call(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression, enough_s=ENOUGH_S):
        """Wait until an expression is true; its value."""
        deadline_s = time.monotonic() + enough_s
        while True:
            value = self.js(expression)
            if value:
                return value
            assert time.monotonic() < deadline_s, (
                f"never true: {expression}; {self.complaints()}; {self.text()[:2000]}"
            )
            time.sleep(0.05)

    def text(self, selector="body"):
        """What a person reads there."""
        return self.js(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def press(self, key, code=None, text=None):
        """A key on the keyboard."""
        named = {
            "key": key,
            "code": code or key,
            "windowsVirtualKeyCode": {"Tab": 9, "Enter": 13, " ": 32}.get(key, 0),
        }
        self.call(
            "Input.dispatchKeyEvent",
            type="keyDown",
            **named,
            **({"text": text or ("\r" if key == "Enter" else key)} if key != "Tab" else {}),
        )
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def complaints(self):
        """Errors in the page's console: exceptions, refused files, what the security policy blocked."""
        self.js("1")  # events up to now
        found = []
        for event in self._browser.events:
            if event.get("sessionId") != self._session:
                continue
            if event["method"] == "Runtime.exceptionThrown":
                details = event["params"]["exceptionDetails"]
                found.append(details.get("exception", {}).get("description") or details["text"])
            elif (
                event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error"
            ):
                found.append(
                    event["params"]["entry"]["text"] + " " + event["params"]["entry"].get("url", "")
                )
            elif (
                event["method"] == "Runtime.consoleAPICalled" and event["params"]["type"] == "error"
            ):
                found.append(
                    " ".join(
                        str(a.get("value", a.get("description"))) for a in event["params"]["args"]
                    )
                )
        # LiteRT prints whatever it has to say as an error
        return [line for line in found if not line.startswith(("INFO: ", "WARNING: "))]

    def requested(self):
        """Addresses of everything that the page asked for."""
        self.js("1")
        return [
            event["params"]["request"]["url"]
            for event in self._browser.events
            if event["method"] == "Network.requestWillBeSent"
            and event.get("sessionId") == self._session
        ]

    def picture(self, path, whole=True):
        """A screenshot into a file."""
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
        """Motion sensors in place of the machine's none; before the page listens to them."""
        for name in SENSORS:
            self.call(
                "Emulation.setSensorOverrideEnabled",
                enabled=True,
                type=name,
                metadata={"available": True},
            )

    def set_sensors(self, acc, gyro):
        """What they read from now on: acceleration with gravity in m/s^2, rotation in rad/s."""
        for name, (x, y, z) in zip(SENSORS, (acc, acc, gyro), strict=True):
            self.call(
                "Emulation.setSensorOverrideReadings",
                type=name,
                reading={"xyz": {"x": float(x), "y": float(y), "z": float(z)}},
            )

    def close(self):
        """Close the tab."""
        self._browser.call("Target.closeTarget", targetId=self._target)
