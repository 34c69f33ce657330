"""Teaching two motions from the page, which are then recognised at once."""

import time

import numpy as np
import pytest

from edge_runtime.recordings import Recording, write_csv

from .conftest import PICTURES

pytestmark = pytest.mark.browser
SECONDS = 3
PERIOD_S = 12  # six seconds of each exercise


def looped(recording, path, seconds=150):
    """Write a recording of two exercises that alternate without a gap."""
    first = recording.samples[:300]
    second = recording.samples[600:900]
    samples = np.concatenate([first, second] * (seconds // PERIOD_S))
    write_csv(path, Recording("loop", np.arange(len(samples)) / 50, samples, recording.channels))
    return path


def wait_for(page, begin_s, end_s):
    """Wait until the newest sample lies in this part of a period."""
    page.until(
        f"(window.newest % {PERIOD_S}) > {begin_s} && (window.newest % {PERIOD_S}) < {end_s}", 60
    )


def test_teaching_by_clicks(command, open_page, port, recording, tmp_path):
    loop = looped(recording, tmp_path / "loop.csv")
    taught = tmp_path / "my.tflite"
    teaching = command(
        "teach",
        "--source",
        f"replay:{loop}",
        "-o",
        taught,
        "--web",
        port,
        "--seconds",
        SECONDS,
        "--countdown",
        0.5,
    ).serving(port)
    page = open_page(f"http://127.0.0.1:{port}/", width=1360, height=800)
    page.until("!document.getElementById('teach').hidden")
    page.js("""(() => {
      const socket = new WebSocket(location.origin.replace('http', 'ws') + '/live');
      socket.binaryType = 'arraybuffer';
      socket.onmessage = ({data}) => {
        if (typeof data === 'string' || new Uint8Array(data)[0] !== 1) return;
        const n = (data.byteLength - 8) / 32;
        window.newest = new Float64Array(data, 8, n)[n - 1];
      };
    })()""")
    page.picture(PICTURES / "teach-empty.png")

    for name, begin_s in (("<b>lift</b>", 0.3), ("turn", 6.3)):
        wait_for(page, begin_s, begin_s + 1.5)
        page.js("document.getElementById('motion').focus()")
        page.js("document.getElementById('motion').value = ''")
        page.call("Input.insertText", text=name)
        page.press("Enter")
        page.until("!document.getElementById('recording').hidden")
        if name == "turn":
            time.sleep(1.5)
            page.picture(PICTURES / "teach-recording.png")
        page.until("document.getElementById('recording').hidden")
        page.until(f"document.getElementById('lesson').textContent.includes({name!r})")
    page.until("document.querySelectorAll('#classes tbody tr').length === 2")
    # A name is shown as text even if it looks like HTML.
    assert page.js("document.querySelectorAll('#teach b').length") == 0
    assert taught.exists()

    for name, begin_s in (("<b>lift</b>", 3.5), ("turn", 9.5)):
        wait_for(page, begin_s, begin_s + 1.5)
        page.until(f"document.getElementById('label').textContent === {name!r}")
        page.picture(PICTURES / f"teach-{'lift' if 'lift' in name else name}.png")

    page.js(
        "[...document.querySelectorAll('#taught button')]"
        ".find((button) => button.textContent === 'Delete').click()"
    )
    page.until("document.getElementById('label').textContent === 'nothing taught yet'")
    assert page.complaints() == []
    assert "holds 'turn'" in teaching.end()
