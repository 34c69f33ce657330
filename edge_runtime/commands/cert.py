"""``img2imu cert``: a self-signed certificate, so that other devices can open pages by https."""

from __future__ import annotations

import argparse
import ipaddress
import re
import socket
import subprocess
import tempfile
from pathlib import Path

DEFAULT_FOLDER = "img2imu-cert"
DAYS = 397  # browsers refuse certificates that are valid for longer (CA/Browser Forum, ballot SC31)
NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "-o",
        "--output",
        default=DEFAULT_FOLDER,
        metavar="DIR",
        help="folder to write cert.pem and key.pem to (default: %(default)s)",
    )
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="NAME",
        help="add another name or address of this machine; can be given more than once",
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    folder = Path(arguments.output)
    names = names_of_this_machine(arguments.name)
    make(folder, names)
    files = f"{folder}/cert.pem and {folder}/key.pem"
    print(
        f"wrote {files}, valid for {DAYS} days, for {', '.join(names)}\n\n"
        "next:\n"
        f'  img2imu run MODEL.tflite --source "phone:8443?cert={folder}" --resample polyphase\n'
        f"  img2imu run MODEL.tflite --source URI --web --web-host 0.0.0.0 --web-cert {folder}\n\n"
        "the browser will warn, because no authority has signed this certificate: choose Advanced, "
        "then go on"
    )
    return 0


def names_of_this_machine(more: list[str]) -> list[str]:
    """Return what a browser may call this machine: names first, then addresses, each once.

    Args:
        more: further names or addresses.

    Raises:
        UserError: one of ``more`` is neither a name nor an address.
    """
    from edge_runtime.errors import UserError
    from edge_runtime.pages.address import lan_address

    for name in more:
        if not _is_valid(name):
            raise UserError(
                f"{name!r} is no name of a machine, expected letters, digits, dots and hyphens, or "
                "an address: write for example --name pi.local"
            )
    host = socket.gethostname()
    local = host if "." in host else f"{host}.local"
    names = [*more, host, local, "localhost", "127.0.0.1", lan_address()]
    unique = dict.fromkeys(name for name in names if _is_valid(name))
    return sorted(unique, key=_is_address)


def make(folder: Path, names: list[str]) -> None:
    """Write a key, and a certificate that it signs, into a folder; never replace one.

    Raises:
        UserError: openssl is missing or fails, or the folder holds a certificate already.
        OutputError: the folder cannot be written to.
    """
    from edge_runtime.errors import OutputError, UserError
    from edge_runtime.pages.address import CERTIFICATE, KEY

    for name in (CERTIFICATE, KEY):
        if (folder / name).exists():
            raise UserError(
                f"{folder}/{name} is there already, expected a folder without a certificate: use "
                "it, move it away, or name another folder with -o"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            _run_openssl(Path(work), names)
            (Path(work) / KEY).chmod(0o600)
            for name in (KEY, CERTIFICATE):
                (Path(work) / name).rename(folder / name)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(
            f"cannot write to {folder}: {reason}; choose another folder with -o"
        ) from error


def _run_openssl(work: Path, names: list[str]) -> None:
    from edge_runtime.errors import UserError
    from edge_runtime.pages.address import CERTIFICATE, KEY

    alternatives = ",".join(f"{'IP' if _is_address(name) else 'DNS'}:{name}" for name in names)
    command = ["openssl", "req", "-x509", "-nodes", "-days", str(DAYS), "-subj", "/CN=img2imu"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-keyout", str(work / KEY), "-out", str(work / CERTIFICATE)]
    # CA:FALSE: a phone that trusts this certificate trusts its key for no other site.
    for extension in (
        f"subjectAltName={alternatives}",
        "basicConstraints=critical,CA:FALSE",
        "extendedKeyUsage=serverAuth",
    ):
        command += ["-addext", extension]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise UserError(
            "the program openssl is not installed, expected it on the path: sudo apt-get install "
            "openssl"
        ) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        reason = lines[-1] if lines else "no reason given"
        raise UserError(
            f"openssl made no certificate ({reason}): check the names, or update openssl"
        )


def _is_valid(name: str) -> bool:
    return NAME.fullmatch(name) is not None or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
