"""Where samples come from. :func:`open_source` opens a source by its URI."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from pathlib import Path

from edge_runtime.errors import SourceError
from edge_runtime.sources.source import Source
from edge_runtime.uri import split_options

# URI scheme to "module:class", imported on first use. The class has a static method
# from_uri(rest, channels, rate_hz), where rest is what follows "scheme:".
SCHEMES = {
    "replay": "edge_runtime.sources.replay:ReplaySource",
    "serial": "edge_runtime.sources.serial_port:SerialSource",
    "http": "edge_runtime.sources.sensor_logger_push:HttpSource",
    "mqtt": "edge_runtime.sources.sensor_logger_push:MqttSource",
    "phyphox": "edge_runtime.sources.phyphox:PhyphoxSource",
    "ws": "edge_runtime.sources.sensor_server:SensorServerSource",
    "phone": "edge_runtime.sources.phone:PhoneSource",
    "iio": "edge_runtime.sources.iio:IioSource",
    "i2c": "edge_runtime.sources.i2c:I2cSource",
    "ble": "edge_runtime.sources.bluetooth:BluetoothSource",
}
MAPPING_OPTIONS = ("mount", "units")  # every source takes them


def open_source(uri: str, channels: Sequence[str], rate_hz: float | None = None) -> Source:
    """Open a source.

    Args:
        uri: ``scheme:...``, documented in the source's module. A path without a scheme is a
            recording to replay. Every source takes the options ``mount`` and ``units``, see
            :mod:`edge_runtime.sources.mapping`.
        channels: names of the columns to return, in order.
        rate_hz: samples per second to request, if the sensor's rate can be set. The actual rate may
            differ.

    Raises:
        SourceError: the scheme or an option is unknown, or the source cannot be opened.
        MissingExtraError: the package that the source needs is not installed.
    """
    scheme, rest = _split_scheme(uri)
    rest, mapping_options = split_options(rest, MAPPING_OPTIONS)
    if not mapping_options:
        return _open(scheme, rest, channels, rate_hz)
    from edge_runtime.sources.mapping import MappedSource, parse_mapping

    mapping = parse_mapping(mapping_options.get("mount"), mapping_options.get("units"))
    source = _open(scheme, rest, mapping.needs(channels), rate_hz)
    return MappedSource(source, mapping, channels)


def _split_scheme(uri: str) -> tuple[str, str]:
    """Return the scheme and what follows it. A path of a recording has the scheme ``replay``.

    Raises:
        SourceError: the scheme is unknown, and there is no such file.
    """
    scheme, colon, rest = uri.partition(":")
    if colon and scheme in SCHEMES:
        return scheme, rest
    looks_like_scheme = colon and re.fullmatch("[a-z][a-z0-9+-]*", scheme)
    if looks_like_scheme and not Path(uri.partition("?")[0]).exists():
        schemes = ", ".join(f"{name}:" for name in SCHEMES)
        raise SourceError(
            f"there is no kind of source called {scheme!r} (in {uri!r}), expected one of {schemes} "
            "or the path of a recording: change the word before the colon, or put ./ before a path"
        )
    return "replay", uri


def _open(scheme: str, rest: str, channels: Sequence[str], rate_hz: float | None) -> Source:
    module, _, class_name = SCHEMES[scheme].partition(":")
    source_class = getattr(importlib.import_module(module), class_name)
    source: Source = source_class.from_uri(rest, channels, rate_hz)
    return source
