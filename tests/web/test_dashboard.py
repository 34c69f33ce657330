"""The dashboard in a real browser: what it shows, how it is operated, and whom it refuses."""

import contextlib
import functools
import http.server
import json
import threading
import time

import pytest
from websockets.sync.client import connect

from edge_runtime.commands.run import DEMO_RECORDING

from .conftest import PICTURES, read_lines

pytestmark = pytest.mark.browser
SHOWN_SPELLS = """[...document.querySelectorAll("#decisions tbody tr")].reverse().map((row) =>
  [row.cells[2].textContent, Number(row.cells[3].textContent)])"""


@pytest.fixture
def live(command, demo_model, port, tmp_path):
    """The dashboard of the bundled recording: its address, and the file of its decisions."""
    decisions = tmp_path / "decisions.jsonl"
    command("run", "--demo", "--web", port, "--sink", f"jsonl:{decisions}").serving(port)
    return f"http://127.0.0.1:{port}/", decisions


def spells(lines):
    """Return the label and length of each run of equal decisions, as the page lists them."""
    runs = []
    for line in lines:
        name = line["label"] or line["state"]
        if not runs or runs[-1][0] != name or line["event"]:
            runs.append([name, 0])
        runs[-1][1] += 1
    return runs


def test_it_shows_the_recognisers_decisions(live, open_page):
    url, decisions = live
    page = open_page(url)
    page.until("document.querySelectorAll('#decisions tbody tr').length >= 2")
    for _ in range(100):  # the page is a moment behind the file
        before = spells(read_lines(decisions))
        shown = page.js(SHOWN_SPELLS)
        after = spells(read_lines(decisions))
        if before == shown == after:
            break
        time.sleep(0.05)
    assert shown == before and [name for name, _ in shown][:2] == ["ABD", "IR"]
    newest = read_lines(decisions)[-1]
    page.until(f"Number(document.getElementById('label').dataset.time) >= {newest['time_s']}")
    assert page.js("document.querySelectorAll('#images canvas').length") == 6
    assert page.js("""[...document.querySelectorAll('#images canvas')].every((c) => new Set(
        c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size > 20)""")
    health = page.text("#health")
    for words in (
        "50.0 Hz (model: 50 Hz)",
        "0 late, 0 duplicate, 0 refused",
        "% of one core",
        " MB",
        "at the median",
    ):
        assert words in health
    assert page.js("document.querySelectorAll('.uplot canvas').length") == 2
    assert page.complaints() == []
    assert {address.split("/")[2] for address in page.requested()} == {url.split("/")[2]}


def test_it_fits_every_screen_in_both_themes(live, open_page):
    url, _ = live
    pages = {
        (size, dark): open_page(url, width=width, height=height, mobile=size == "phone", dark=dark)
        for size, width, height in (
            ("desktop", 1360, 800),
            ("phone", 390, 844),
            ("narrow", 320, 640),
        )
        for dark in (False, True)
    }
    for (size, dark), page in pages.items():
        page.until("document.querySelectorAll('#decisions tbody tr').length >= 2")
        # Nothing is cut off: no width needs sideways scrolling.
        assert page.js("document.documentElement.scrollWidth <= innerWidth"), size
        background, text = page.js(
            "['backgroundColor', 'color'].map((name) => getComputedStyle(document.body)[name])"
        )
        assert (brightness(background) < brightness(text)) == dark
        page.picture(PICTURES / f"dashboard-{size}-{'dark' if dark else 'light'}.png")


def brightness(colour):
    return sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(", ")))


def test_it_can_be_operated_by_keyboard_alone(live, open_page):
    page = open_page(live[0])
    page.until("document.querySelectorAll('#decisions tbody tr').length >= 1")
    reached = []
    for _ in range(5):
        page.press("Tab")
        reached.append(page.js("document.activeElement.id || document.activeElement.className"))
    assert reached == ["skip", "pause", "theme", "scroll", reached[4]]
    page.js("document.getElementById('pause').focus()")
    page.press(" ", "Space")
    assert page.js("document.getElementById('pause').getAttribute('aria-pressed')") == "true"
    shown_s = page.js("document.getElementById('label').dataset.time")
    time.sleep(1)
    assert page.js("document.getElementById('label').dataset.time") == shown_s
    page.press("Enter")
    page.until(f"document.getElementById('label').dataset.time !== '{shown_s}'")


def test_every_control_and_picture_has_an_accessible_name(live, open_page):
    page = open_page(live[0])
    page.until("document.querySelectorAll('#images canvas').length === 6")
    page.call("Accessibility.enable")
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    roles = ("button", "combobox", "textbox", "img", "image", "rowheader")
    nameless = [
        node["role"]["value"]
        for node in nodes
        if node.get("role", {}).get("value") in roles
        and not node.get("ignored")
        and not node.get("name", {}).get("value")
    ]
    assert nameless == []
    assert sum(node.get("role", {}).get("value") in ("img", "image") for node in nodes) >= 6 + 7


def test_a_chosen_theme_is_kept_for_the_next_visit(live, open_page):
    page = open_page(live[0])
    page.until("document.querySelectorAll('#decisions tbody tr').length >= 1")
    page.js("""(() => { const theme = document.getElementById('theme'); theme.value = 'dark';
      theme.dispatchEvent(new Event('change')); })()""")
    page.open(live[0])
    page.until("document.documentElement.dataset.theme === 'dark'")


def test_on_the_network_it_needs_the_token(command, open_page, port, monkeypatch):
    monkeypatch.setenv("IMG2IMU_WEB_TOKEN", "a-token-of-mine")
    command("run", "--demo", "--web", port, "--web-host", "0.0.0.0").serving(port)
    page = open_page(f"http://127.0.0.1:{port}/", width=390, height=844, mobile=True)
    page.until("!document.getElementById('token-form').hidden")
    page.picture(PICTURES / "dashboard-token.png")
    page.call("Input.insertText", text="a-token-of-mine")
    page.press("Enter")
    page.until("document.getElementById('connection').dataset.state === 'good'")
    other = open_page(f"http://127.0.0.1:{port}/#token=a-token-of-mine")
    other.until("document.getElementById('connection').dataset.state === 'good'")
    assert "token" not in other.js("location.href")


@pytest.fixture
def other_origin(tmp_path):
    """The address of a page from another server."""
    (tmp_path / "index.html").write_text("<!doctype html><title>elsewhere</title>")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    handler.log_message = lambda *arguments: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_page_of_another_origin_is_refused(live, open_page, other_origin, port):
    page = open_page(other_origin)
    page.js(f"""window.outcome = 'waiting'; window.read = 'waiting';
      const socket = new WebSocket('ws://127.0.0.1:{port}/live');
      socket.onmessage = () => (outcome = 'told'); socket.onclose = () => (outcome = 'refused');
      fetch('{live[0]}').then((answer) => answer.text())
        .then(() => (read = 'told'), () => (read = 'refused'));""")
    page.until("outcome !== 'waiting' && read !== 'waiting'")
    assert page.js("[outcome, read]") == ["refused", "refused"]
    assert any("403" in complaint for complaint in page.complaints())


def test_malformed_commands_and_floods_do_not_disturb_others(live, open_page, port):
    page = open_page(live[0])
    page.until("document.querySelectorAll('#decisions tbody tr').length >= 1")
    for message in (
        "x" * 100_000,
        b"\x00" * 4000,
        "[" * 4000,
        json.dumps({"do": "record", "label": 7}),
    ):
        address = f"ws://127.0.0.1:{port}/live"
        with contextlib.suppress(Exception), connect(address, proxy=None, close_timeout=1) as rude:
            for _ in range(200):
                rude.send(message)
    shown_s = page.js("document.getElementById('label').dataset.time")
    page.until(f"document.getElementById('label').dataset.time !== '{shown_s}'")
    assert page.js("document.getElementById('connection').dataset.state") == "good"


def test_the_page_says_when_the_program_ends_and_reconnects_to_the_next(
    command, open_page, port, demo_model
):
    first = command("run", "--demo", "--web", port).serving(port)
    page = open_page(f"http://127.0.0.1:{port}/")
    page.until("document.getElementById('connection').dataset.state === 'good'")
    first.end()
    page.until("document.getElementById('connection').textContent.startsWith('not connected')")
    assert page.text("#label") == "not connected"
    page.picture(PICTURES / "dashboard-away.png", whole=False)
    command("run", "--demo", "--web", port).serving(port)
    page.until("document.getElementById('connection').dataset.state === 'good'")


def test_with_the_front_end_inside_the_network_it_says_why_there_are_no_images(
    command, open_page, port, web_models
):
    command(
        "run", web_models["int8"], "--source", f"replay:{DEMO_RECORDING}", "--web", port
    ).serving(port)
    page = open_page(f"http://127.0.0.1:{port}/")
    page.until("document.getElementById('images').textContent.includes('--frontend host')")
