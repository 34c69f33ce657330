"""A phone with emulated motion sensors, in a real browser, replays a real recording to the runtime and to LiteRT.js."""

import time

import numpy as np
import pytest

from .conftest import PICTURES, read_lines

pytestmark = pytest.mark.browser
PLAYED_S = 13.0  # two exercises, and what lies between them
STARTS_S = 3.0
GOLDEN_TOLERANCE = 1e-5
# what the browser gives the page, written down beside the page's own code
LISTEN = """
window.heard = [];
addEventListener("devicemotion", ({timeStamp, accelerationIncludingGravity: a, rotationRate: g}) =>
  a && a.x !== null && heard.push([timeStamp, a.x, a.y, a.z, g.alpha, g.beta, g.gamma]));
const add = addEventListener;
window.addEventListener = (type, ...rest) => {
  if (type === "devicemotion") heard.length = 0; // from when the page listens too
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
        page.js(LISTEN)
        return page

    return call


def play(page, recording, begin_s=STARTS_S, seconds=PLAYED_S):
    """A part of the recording, in its own time, as what the sensors read."""
    first, last = (round(s * 50) for s in (begin_s, begin_s + seconds))
    started_s = time.monotonic()
    for i, row in enumerate(recording.samples[first:last]):
        page.set_sensors(row[:3], row[3:])
        time.sleep(max(0.0, started_s + (i + 1) / 50 - time.monotonic()))


def heard(page):
    """Times in s, and samples in SI units, of what the browser gave."""
    rows = np.array(page.js("heard"))
    values = np.concatenate([rows[:, 1:4], rows[:, 4:] * (np.pi / 180)], 1).astype(np.float32)
    return rows[:, 0] / 1000, values


def test_a_recording_reaches_the_runtime_as_the_browser_gave_it(
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
    page.js("window.stopped = heard.length")
    times_s, samples = heard(page)
    live = wait_for_last(decisions, times_s[page.js("stopped") - 1])

    # the browser rounds to 0.1 m/s^2 and 0.1 degrees a second; one sensor may be a reading ahead of
    # the other
    for given, rows, rest in (
        (samples[:, :3], recording.samples[:, :3], [0, 0, 9.8]),
        (np.degrees(samples[:, 3:]), np.degrees(recording.samples[:, 3:]), [0, 0, 0]),
    ):
        nearest = np.abs(given[:, None] - np.concatenate([rows, [rest]])[None]).max(2).min(1)
        assert nearest.max() <= 0.0501
    assert 1 / np.median(np.diff(times_s)) == pytest.approx(60, rel=0.15)

    again = run_on(demo_model, times_s, samples, tmp_path)
    assert len(live) >= 20
    assert {d["label"] for d in live} >= {"ABD", "IR"}
    for one, other in zip(live, again, strict=False):
        assert (one["time_s"], one["label"], one["probabilities"]) == (
            other["time_s"],
            other["label"],
            other["probabilities"],
        )
    assert page.complaints() == []


def wait_for_last(path, newest_s):
    """The decisions, once those of the newest samples are there."""
    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s:
        lines = read_lines(path)
        if lines and newest_s - lines[-1]["time_s"] < 0.7:
            return lines
        time.sleep(0.1)
    return read_lines(path)


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_a_model_in_the_browser_answers_as_the_runtime_does(
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
    times_s, samples = heard(page)
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
