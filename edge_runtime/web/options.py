"""The ``--web...`` options of ``img2imu run`` and ``img2imu teach``."""

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
    """Add the options to a command's parser."""
    group = parser.add_argument_group(
        "dashboard",
        "a page that shows the sensor stream, the network's input images and the decisions; "
        "see docs/dashboard.md",
    )
    group.add_argument(
        "--web",
        nargs="?",
        type=port_number,
        const=DEFAULT_PORT,
        metavar="PORT",
        help=f"serve the dashboard to this machine only (default port: {DEFAULT_PORT})",
    )
    group.add_argument(
        "--web-host",
        metavar="ADDRESS",
        help=f"listen on this address (default: {DEFAULT_HOST}); 0.0.0.0 serves the whole network. "
        f"Other machines need the access token: the value of {TOKEN_VARIABLE}, or else a new "
        "random one, which is printed",
    )
    group.add_argument(
        "--web-cert",
        metavar="DIR",
        help="serve by https with the certificate in DIR, made by img2imu cert",
    )


def port_number(text: str) -> int:
    """Parse a port from 1 to 65535, as a ``type`` for argparse."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535):
        raise argparse.ArgumentTypeError(
            f"is {text!r}, expected a port from 1 to 65535: put the model before --web"
        )
    return int(text)


def address_from(arguments: argparse.Namespace) -> Address | None:
    """Return where to serve the dashboard, or None without ``--web``.

    Raises:
        UserError: an option is invalid, or needs ``--web``.
    """
    if arguments.web is not None:
        return make_address(arguments.web_host or DEFAULT_HOST, arguments.web, arguments.web_cert)
    for option, value in (("--web-host", arguments.web_host), ("--web-cert", arguments.web_cert)):
        if value is not None:
            raise UserError(f"{option} was given without --web, expected both: add --web")
    return None


def open_dashboard(
    arguments: argparse.Namespace,
    recognizer: Recognizer,
    source: Source,
    source_uri: str,
) -> Dashboard | None:
    """Start the dashboard if the options ask for it; return None if they do not.

    Raises:
        MissingExtraError: websockets is not installed.
        UserError: an option is invalid, or the server cannot listen on the address.
    """
    address = address_from(arguments)
    if address is None:
        return None
    from edge_runtime.web.dashboard import Dashboard

    dashboard = Dashboard(recognizer, source, uri_without_secrets(source_uri), address)
    announce(address, source.notes.say)
    return dashboard


def announce(address: Address, say: Callable[[str], None]) -> None:
    """Print the dashboard's address, and a warning if its plotting library is missing.

    Args:
        address: where the dashboard is served.
        say: callback that shows one line to the user.
    """
    from edge_runtime.pages.server import VENDOR_REMEDY, vendor_is_missing

    say(f"dashboard: {address.url(shown_host(address.host))}")
    if vendor_is_missing():
        say(
            "the dashboard cannot draw sensor traces because its plotting library is missing: "
            f"{VENDOR_REMEDY}"
        )


def uri_without_secrets(uri: str) -> str:
    """Return a source's URI without folders and options; options may hold a password or token."""
    scheme, colon, rest = uri.partition("?")[0].rpartition(":")
    return f"{scheme}{colon}{rest.rpartition('/')[2] or rest}"
