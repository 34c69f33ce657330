"""The phone page with emulated sensors that replay a recording, to the runtime and to LiteRT.js."""

import time

import numpy as np
import pytest

from .conftest import PICTURES, read_lines

pytestmark = pytest.mark.browser
PLAYED_S = 13.0  # two exercises and the transition between them
STARTS_S = 3.0
GOLDEN_TOLERANCE = 1e-5
# Records what the browser reports to the page, independently of the page's own code.
RECORD_READINGS = """
window.readings = [];
addEventListener("devicemotion", ({timeStamp, accelerationIncludingGravity: a, rotationRate: g}) =>
  a && a.x !== null && readings.push([timeStamp, a.x, a.y, a.z, g.alpha, g.beta, g.gamma]));
const add = addEventListener;
window.addEventListener = (type, ...rest) => {
  if (type === "devicemotion") readings.length = 0; // restart when the page starts to listen
  add.call(window, type, ...rest);
};
"""


@pytest.fixture
def phone(open_page):
    """A phone's browser with motion sensors."""

    def call(url):
        page = open_page(width=390, height=844, mobile=True)
        page.emulate_sensors()
        page.set_sensors((0, 0, 9.8), (0, 0, 0))
        page.open(url)
        page.until("document.documentElement.dataset.theme")
        page.js(RECORD_READINGS)
        return page

    return call


def play(page, recording, begin_s=STARTS_S, seconds=PLAYED_S):
    """Replay a part of the recording in real time as the sensors' readings."""
    first = round(begin_s * 50)
    last = round((begin_s + seconds) * 50)
    started_s = time.monotonic()
    for i, row in enumerate(recording.samples[first:last]):
        page.set_sensors(row[:3], row[3:])
        time.sleep(max(0.0, started_s + (i + 1) / 50 - time.monotonic()))


def reported(page):
    """Return the times (s) and the samples (SI units) that the browser reported."""
    rows = np.array(page.js("readings"))
    values = np.concatenate([rows[:, 1:4], rows[:, 4:] * (np.pi / 180)], 1).astype(np.float32)
    return rows[:, 0] / 1000, values


def test_the_runtime_receives_what_the_browser_reported(
    phone, command, port, demo_model, recording, run_on, tmp_path
):
    decisions = tmp_path / "live.jsonl"
    command(
        "run",
        demo_model,
        "--source",
        f"phone:{port}",
        "--resample",
        "polyphase",
        "--sink",
        f"jsonl:{decisions}",
    ).serving(port)
    page = phone(f"http://127.0.0.1:{port}/")
    page.js("document.getElementById('start').click()")
    page.until("document.getElementById('status').textContent.startsWith('sending')")
    play(page, recording)
    page.picture(PICTURES / "phone-sending.png")
    page.js("document.getElementById('stop').click()")
    page.js("window.readingsAtStop = readings.length")
    times_s, samples = reported(page)
    live = wait_for_last(decisions, times_s[page.js("readingsAtStop") - 1])

    # The browser rounds to 0.1 m/s^2 and 0.1 degrees per second. One sensor may be a reading ahead
    # of the other.
    for values, rows, rest in (
        (samples[:, :3], recording.samples[:, :3], [0, 0, 9.8]),
        (np.degrees(samples[:, 3:]), np.degrees(recording.samples[:, 3:]), [0, 0, 0]),
    ):
        nearest = np.abs(values[:, None] - np.concatenate([rows, [rest]])[None]).max(2).min(1)
        assert nearest.max() <= 0.0501
    assert 1 / np.median(np.diff(times_s)) == pytest.approx(60, rel=0.15)

    again = run_on(demo_model, times_s, samples, tmp_path)
    assert len(live) >= 20
    assert {d["label"] for d in live} >= {"ABD", "IR"}
    for decision, expected in zip(live, again, strict=False):
        assert decision["time_s"] == expected["time_s"]
        assert decision["label"] == expected["label"]
        assert decision["probabilities"] == expected["probabilities"]
    assert page.complaints() == []


def wait_for_last(path, newest_s):
    """Wait for the decisions on the newest samples, and return all decisions."""
    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s:
        lines = read_lines(path)
        if lines and newest_s - lines[-1]["time_s"] < 0.7:
            return lines
        time.sleep(0.1)
    return read_lines(path)


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_a_model_in_the_browser_decides_as_the_runtime_does(
    phone, command, port, web_models, recording, run_on, tmp_path, recipe
):
    command(
        "run", web_models[recipe], "--source", f"phone:{port}?model={web_models[recipe]}"
    ).serving(port)
    page = phone(f"http://127.0.0.1:{port}/")
    page.js("document.querySelector('input[value=here]').click()")
    page.until("document.getElementById('model').textContent.includes('classes')")
    page.js("document.getElementById('start').click()")
    page.until("!document.getElementById('result').hidden")
    play(page, recording, seconds=PLAYED_S if recipe == "float32" else 8.0)
    page.picture(PICTURES / f"phone-here-{recipe}.png")
    shown = page.text("#label")
    page.js("document.getElementById('stop').click()")
    page.js("(async () => { window.decided = (await import('/static/phone.js')).decisions })()")
    here = page.js("decided")
    times_s, samples = reported(page)
    again = run_on(web_models[recipe], times_s, samples, tmp_path)

    assert len(here) >= 6 and shown in {d["label"] for d in here}
    np.testing.assert_allclose(
        [d["timeS"] for d in here], [d["time_s"] for d in again[: len(here)]], rtol=0, atol=1e-9
    )
    assert [d["label"] for d in here] == [d["label"] for d in again[: len(here)]]
    difference = np.abs(
        np.array([d["windowProbabilities"] for d in here])
        - np.array([list(d["window_probabilities"].values()) for d in again[: len(here)]])
    ).max()
    print(f"{recipe}: {len(here)} decisions, largest difference in probability {difference:.2g}")
    if recipe == "float32":
        assert difference <= GOLDEN_TOLERANCE
    assert page.complaints() == []
