import argparse
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from edge_runtime.commands import cert
from edge_runtime.errors import OutputError, UserError
from edge_runtime.pages.address import load_certificate

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="no openssl here: apt-get install openssl"
)


def run(*words):
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser()
    cert.add_arguments(parser)
    return cert.main(parser.parse_args(words))


@needs_openssl
def test_a_client_that_trusts_the_certificate_can_connect(tmp_path, capsys):
    folder = tmp_path / "c"
    assert run("-o", str(folder), "--name", "pi.example", "--name", "192.0.2.7") == 0
    shown = capsys.readouterr().out
    assert "pi.example" in shown and "192.0.2.7" in shown and "phone:8443?cert=" in shown
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in folder.iterdir()) == ["cert.pem", "key.pem"]

    received = []
    server = socket.create_server(("127.0.0.1", 0))
    address = server.getsockname()

    def answer():
        with server, load_certificate(folder).wrap_socket(server, server_side=True) as secure:
            for _ in range(3):
                with secure.accept()[0] as connection:
                    connection.sendall(b"hello")

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    trusting = ssl.create_default_context(cafile=folder / "cert.pem")
    for name in ("pi.example", "192.0.2.7", "localhost"):
        with (
            socket.create_connection(address, timeout=10) as plain,
            trusting.wrap_socket(plain, server_hostname=name) as connection,
        ):
            received.append(connection.recv(10))
    thread.join(10)
    assert received == [b"hello"] * 3


@needs_openssl
def test_the_certificate_can_sign_no_others(tmp_path):
    run("-o", str(tmp_path / "c"))
    text = subprocess.run(
        ["openssl", "x509", "-in", tmp_path / "c" / "cert.pem", "-noout", "-text"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "CA:FALSE" in text and "TLS Web Server Authentication" in text


@needs_openssl
def test_a_certificate_is_never_replaced(tmp_path, is_sentence):
    run("-o", str(tmp_path))
    before = (tmp_path / "key.pem").read_bytes()
    with pytest.raises(UserError, match="is there already") as error:
        run("-o", str(tmp_path))
    assert is_sentence(str(error.value)) and (tmp_path / "key.pem").read_bytes() == before


@pytest.mark.parametrize("name", ["a b", "", "-x", "x,IP:1.2.3.4", "x\n", "pi..", "é"])
def test_an_invalid_name_is_refused(name):
    with pytest.raises(UserError, match="is no name of a machine"):
        cert.names_of_this_machine([name])


def test_names_come_once_and_before_addresses():
    names = cert.names_of_this_machine(["10.0.0.1", "pi.local", "localhost"])
    assert len(set(names)) == len(names)
    assert {"10.0.0.1", "pi.local", "localhost", "127.0.0.1"} <= set(names)
    assert names.index("pi.local") < names.index("10.0.0.1")


def test_without_openssl_the_message_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="apt-get install openssl"):
        run("-o", str(tmp_path / "c"))
    assert list((tmp_path / "c").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path, is_sentence):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write to") as error:
        run("-o", str(tmp_path / "file" / "c"))
    assert is_sentence(str(error.value))
