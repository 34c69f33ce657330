"""The options ``--web...`` of ``img2imu run``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_runtime.errors import UserError
from edge_runtime.pages.address import TOKEN_VARIABLE, Address, make_address, shown_host

if TYPE_CHECKING:
    from edge_runtime.recognizer import Recognizer
    from edge_runtime.sources.source import Source
    from edge_runtime.web.dashboard import Dashboard

DEFAULT_PORT = 8765
DEFAULT_HOST = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    group = parser.add_argument_group(
        "dashboard",
        "a page that shows the stream, what the network sees and what it says; docs/dashboard.md",
    )
    group.add_argument(
        "--web",
        nargs="?",
        type=port,
        const=DEFAULT_PORT,
        metavar="PORT",
        help=f"serve the dashboard, on this machine alone (default port: {DEFAULT_PORT})",
    )
    group.add_argument(
        "--web-host",
        metavar="ADDRESS",
        help="serve it on this address, 0.0.0.0 for all; others need "
        f"the token, which is in {TOKEN_VARIABLE} or made anew and shown",
    )
    group.add_argument(
        "--web-cert",
        metavar="DIR",
        help="serve it by https, with the certificate that img2imu cert left in DIR",
    )


def port(text: str) -> int:
    """A number from 1 to 65535."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535):
        raise argparse.ArgumentTypeError(
            f"is {text!r}, expected a port from 1 to 65535: name the model before --web"
        )
    return int(text)


def asked_for(arguments: argparse.Namespace) -> Address | None:
    """Where the dashboard is to be served, or None without ``--web``.

    Raises:
        UserError: an option makes no sense.
    """
    if arguments.web is None:
        given = [
            option for option in ("web_host", "web_cert") if getattr(arguments, option) is not None
        ]
        if given:
            raise UserError(
                f"--{given[0].replace('_', '-')} was given without --web, expected both: add --web"
            )
        return None
    return make_address(arguments.web_host or DEFAULT_HOST, arguments.web, arguments.web_cert)


def open_dashboard(
    arguments: argparse.Namespace,
    recognizer: Recognizer,
    source: Source,
    name: str,
) -> Dashboard | None:
    """The dashboard that was asked for, or None.

    Raises:
        MissingExtraError: websockets is not installed.
        UserError: an option makes no sense, or the address cannot be listened on.
    """
    address = asked_for(arguments)
    if address is None:
        return None
    from edge_runtime.web.dashboard import Dashboard

    dashboard = Dashboard(recognizer, source, short(name), address)
    announce(address, source.notes.say)
    return dashboard


def announce(address: Address, say: Callable[[str], None]) -> None:
    """Where to open the dashboard, and what it lacks."""
    from edge_runtime.pages.server import VENDOR_REMEDY, vendor_is_missing

    say(f"dashboard: {address.url(shown_host(address.host))}")
    if vendor_is_missing():
        say(f"the dashboard cannot draw traces, its plotting library is not there: {VENDOR_REMEDY}")


def short(uri: str) -> str:
    """A source's URI without the folders of a path and without options, which may be secret."""
    scheme, colon, rest = uri.partition("?")[0].rpartition(":")
    return f"{scheme}{colon}{rest.rpartition('/')[2] or rest}"
