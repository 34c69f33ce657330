"""Where samples come from. Each kind of source is one module behind :func:`open_source` and its URI scheme."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from pathlib import Path

from edge_runtime.errors import SourceError
from edge_runtime.sources.source import Source
from edge_runtime.uri import split_options

# Scheme to "module:class", imported when asked for. The class has a static method from_uri(rest,
# channels, rate_hz), where rest is what follows "scheme:".
SCHEMES = {
    "replay": "edge_runtime.sources.replay:ReplaySource",
    "serial": "edge_runtime.sources.serial_port:SerialSource",
    "http": "edge_runtime.sources.http_server:HttpSource",
    "mqtt": "edge_runtime.sources.mqtt_client:MqttSource",
    "phyphox": "edge_runtime.sources.phyphox:PhyphoxSource",
    "ws": "edge_runtime.sources.sensor_server:SensorServerSource",
    "phone": "edge_runtime.sources.phone:PhoneSource",
    "iio": "edge_runtime.sources.iio:IioSource",
    "i2c": "edge_runtime.sources.i2c:I2cSource",
    "ble": "edge_runtime.sources.bluetooth:BluetoothSource",
}
MAPPING_OPTIONS = ("mount", "units")  # of every source, see edge_runtime.sources.mapping


def open_source(uri: str, channels: Sequence[str], rate_hz: float | None = None) -> Source:
    """Open the source that a URI names.

    Args:
        uri: ``scheme:...``, see the source's module; a bare path is a recording to replay. Every
            source knows the options ``mount`` and ``units``, see
            :mod:`edge_runtime.sources.mapping`.
        channels: names of the columns wanted, in order.
        rate_hz: samples per second to ask of a sensor that can be asked; what comes may differ.

    Raises:
        SourceError: no such scheme, an option that the source does not know, or the source cannot
        be opened. MissingExtraError: the package that the source needs is not installed.
    """
    scheme, colon, rest = uri.partition(":")
    if not (colon and scheme in SCHEMES):
        if (
            re.fullmatch("[a-z][a-z0-9+-]*", scheme)
            and colon
            and not Path(uri.partition("?")[0]).exists()
        ):
            raise SourceError(
                f"there is no kind of source called {scheme!r} (in {uri!r}), expected one of "
                f"{', '.join(f'{known}:' for known in SCHEMES)} or the path of a recording: change the "
                "word before the colon, or put ./ before a path"
            )
        scheme, rest = "replay", uri
    rest, mapped = split_options(rest, MAPPING_OPTIONS)
    if not mapped:
        return _open(scheme, rest, channels, rate_hz)
    from edge_runtime.sources.mapping import MappedSource, parse_mapping

    mapping = parse_mapping(mapped.get("mount"), mapped.get("units"))
    return MappedSource(_open(scheme, rest, mapping.needs(channels), rate_hz), mapping, channels)


def _open(scheme: str, rest: str, channels: Sequence[str], rate_hz: float | None) -> Source:
    module, _, name = SCHEMES[scheme].partition(":")
    source: Source = getattr(importlib.import_module(module), name).from_uri(
        rest, channels, rate_hz
    )
    return source
