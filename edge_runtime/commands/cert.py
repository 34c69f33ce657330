"""``img2imu cert``: a certificate of one's own, for pages that other devices open by https."""

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
    """Arguments of the command."""
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
        help="further name or address that this "
        "machine is opened by; its own name, NAME.local and its address are in it anyway; can be given "
        "more than once",
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    folder = Path(arguments.output)
    names = names_of_this_machine(arguments.name)
    make(folder, names)
    print(
        f"wrote {folder}/cert.pem and {folder}/key.pem, valid for {DAYS} days, for {', '.join(names)}\n\nnext:\n"
        f'  img2imu run MODEL.tflite --source "phone:8443?cert={folder}" --resample polyphase\n'
        f"  img2imu run MODEL.tflite --source URI --web --web-host 0.0.0.0 --web-cert {folder}\n\n"
        "the browser will warn, since nobody else vouches for this certificate: look for Advanced, and go on"
    )
    return 0


def names_of_this_machine(more: list[str]) -> list[str]:
    """What a browser may call this machine: names first, then addresses, each once.

    Raises:
        UserError: one that was given is no name and no address.
    """
    from edge_runtime.errors import UserError
    from edge_runtime.pages.address import lan_address

    for name in more:
        if not (NAME.fullmatch(name) or _is_address(name)):
            raise UserError(
                f"{name!r} is no name of a machine, expected letters, digits, dots and hyphens, or an "
                "address: write for example --name pi.local"
            )
    own = socket.gethostname()
    names = [
        *more,
        own,
        own if "." in own else f"{own}.local",
        "localhost",
        "127.0.0.1",
        lan_address(),
    ]
    sound = dict.fromkeys(name for name in names if NAME.fullmatch(name) or _is_address(name))
    return sorted(sound, key=_is_address)


def make(folder: Path, names: list[str]) -> None:
    """Write a key, and a certificate that it signs itself, into a folder; neither is ever replaced.

    Raises:
        UserError: openssl is missing or fails, or there is a certificate already.
        OutputError: the folder cannot be written to.
    """
    from edge_runtime.errors import OutputError, UserError
    from edge_runtime.pages.address import CERTIFICATE, KEY

    taken = [name for name in (CERTIFICATE, KEY) if (folder / name).exists()]
    if taken:
        raise UserError(
            f"{folder}/{taken[0]} is there already, expected a folder without a certificate: use it, move "
            "it away, or name another folder with -o"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            _openssl(Path(work), names)
            (Path(work) / KEY).chmod(0o600)
            for name in (KEY, CERTIFICATE):
                (Path(work) / name).rename(folder / name)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(
            f"cannot write to {folder}: {reason}; choose another folder with -o"
        ) from error


def _openssl(work: Path, names: list[str]) -> None:
    from edge_runtime.errors import UserError
    from edge_runtime.pages.address import CERTIFICATE, KEY

    alternatives = ",".join(f"{'IP' if _is_address(name) else 'DNS'}:{name}" for name in names)
    # no authority: whoever lets a phone trust it lends this key no power over other sites
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        str(DAYS),
        "-subj",
        "/CN=img2imu",
        "-keyout",
        str(work / KEY),
        "-out",
        str(work / CERTIFICATE),
        "-addext",
        f"subjectAltName={alternatives}",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-addext",
        "extendedKeyUsage=serverAuth",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise UserError(
            "the program openssl is not installed, expected it on the path: sudo apt-get install openssl"
        ) from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it does not say why"])[-1]
        raise UserError(
            f"openssl made no certificate ({reason}): look at the names, or update openssl"
        )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
