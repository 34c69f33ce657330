"""The phone page's messages and questions, for each kind of address and sensor."""

import socket

import pytest

from edge_runtime.pages.address import lan_address
from img2imu.cli import main

from .conftest import PICTURES

pytestmark = pytest.mark.browser
START = "document.getElementById('start').click()"
SENDING = "document.getElementById('status').textContent.startsWith('sending')"


@pytest.fixture
def phone(open_page):
    """A phone's browser with motion sensors; the phone lies on its back."""

    def call(url, dark=False, g=9.8):
        page = open_page(width=390, height=844, mobile=True, dark=dark)
        # As if the user had continued after the browser's warning.
        page.call("Security.setIgnoreCertificateErrors", ignore=True)
        page.emulate_sensors()
        page.set_sensors((0, 0, g), (0, 0, 0))
        page.open(url)
        page.until("document.documentElement.dataset.theme")  # the page's script has run
        return page

    return call


@pytest.fixture
def reachable():
    """This machine's address on the local network."""
    address = lan_address()
    try:
        with socket.socket() as probe:
            probe.bind((address, 0))
    except OSError:
        pytest.skip("this machine has no network address")
    return address


def test_without_https_it_says_how_to_get_it(command, phone, port, demo_model, reachable):
    command("run", demo_model, "--source", f"phone:0.0.0.0:{port}?token=a-token-of-mine").serving(
        port
    )
    page = phone(f"http://{reachable}:{port}/#token=a-token-of-mine", dark=True)
    page.until("!document.getElementById('obstacle').hidden")
    problem = page.text("#obstacle")
    assert "not opened securely" in problem
    assert "img2imu cert" in problem
    assert f"adb reverse tcp:{port} tcp:{port}" in problem
    assert page.js("document.getElementById('start').disabled")
    page.picture(PICTURES / "phone-not-secure.png")


def test_it_sends_over_https_with_a_self_signed_certificate_and_a_token(
    command, phone, port, demo_model, reachable, tmp_path
):
    assert main(["cert", "-o", str(tmp_path / "cert"), "--name", reachable]) == 0
    command(
        "run", demo_model, "--source", f"phone:{port}?cert={tmp_path}/cert&token=a-token-of-mine"
    ).serving(port)
    page = phone(f"https://{reachable}:{port}/")
    assert page.js("isSecureContext")
    page.js(START)
    page.until("!document.getElementById('token-form').hidden")
    page.call("Input.insertText", text="a-token-of-mine")
    page.press("Enter")
    page.until(SENDING)
    page.until("parseInt(document.getElementById('sent').textContent) > 30")


def test_an_inverted_sign_of_gravity_is_corrected(command, phone, port, demo_model):
    command("run", demo_model, "--source", f"phone:{port}", "--resample", "polyphase").serving(port)
    page = phone(f"http://127.0.0.1:{port}/", g=-9.8)
    page.js(START)
    page.until(SENDING)
    page.until("document.getElementById('acc').textContent.startsWith('0.0, 0.0, -9.8')")
    page.until("""(() => { document.getElementById('calibrate').click();
      return document.getElementById('calibrated').textContent.includes('opposite sign'); })()""")
    page.until("document.getElementById('acc').textContent.endsWith(', 9.8 m/s²')")
    page.picture(PICTURES / "phone-calibrated.png")


@pytest.mark.parametrize(
    ("readings", "sign", "words"),
    [
        ("[0, 0, 9.8]", 1, "usual sign"),
        ("[0.2, 0.3, -9.7]", -1, "corrected"),
        ("[0, 9.8, 0]", 0, "not flat"),
        ("[0, 0, 1]", 0, "shows 1.0"),
        ("[0, 0, i % 2 ? 8 : 12]", 0, "is moving"),
    ],
)
def test_the_sign_is_determined_only_at_rest(
    command, open_page, port, demo_model, readings, sign, words
):
    command("run", demo_model, "--source", f"phone:{port}").serving(port)
    page = open_page(f"http://127.0.0.1:{port}/")
    result = page.js(
        f"import('/static/sensors.js').then(({{signAtRest}}) => "
        f"signAtRest(Array.from({{length: 60}}, (_, i) => {readings})))"
    )
    assert result["sign"] == sign and words in result["sentence"]


def test_samples_measured_while_the_computer_is_away_are_sent_later(
    command, phone, port, demo_model
):
    arguments = ("run", demo_model, "--source", f"phone:{port}", "--resample", "polyphase")
    first = command(*arguments).serving(port)
    page = phone(f"http://127.0.0.1:{port}/")
    page.js(START)
    page.until(SENDING)
    first.end()
    page.until("/([0-9]+) waiting/.exec(document.getElementById('sent').textContent)?.[1] > 30")
    page.picture(PICTURES / "phone-away.png")
    command(*arguments).serving(port)
    page.until(SENDING)
    page.until("/([0-9]+) waiting/.exec(document.getElementById('sent').textContent)?.[1] < 15")
    assert "lost" not in page.text("#sent")


def test_files_that_are_not_models_for_the_browser_are_refused(
    command, open_page, port, demo_model, tmp_path
):
    (tmp_path / "text.tflite").write_text("no model")
    (tmp_path / "cut.tflite").write_bytes(demo_model.read_bytes()[:-1000])
    command("run", demo_model, "--source", f"phone:{port}").serving(port)
    page = open_page(f"http://127.0.0.1:{port}/")
    page.until("document.getElementById('status').textContent === 'not started'")
    page.js("document.querySelector('input[value=here]').click()")
    for path, words in (
        (tmp_path / "text.tflite", "is no .tflite model"),
        (tmp_path / "cut.tflite", "was cut short"),
        (demo_model, "does not take raw windows"),
    ):
        node = page.call(
            "DOM.querySelector",
            selector="#file",
            nodeId=page.call("DOM.getDocument")["root"]["nodeId"],
        )["nodeId"]
        page.call("DOM.setFileInputFiles", files=[str(path)], nodeId=node)
        page.until(f"document.getElementById('model').textContent.includes({words!r})")
