"""Where decisions go. :func:`open_sink` opens a sink by its URI."""

from __future__ import annotations

import importlib

from edge_runtime.contract.spec import Contract
from edge_runtime.errors import OutputError
from edge_runtime.sinks.sink import Sink

# URI scheme to "module:class", imported on first use. The class has a static method
# from_uri(rest, contract), where rest is what follows "scheme:".
SCHEMES = {
    "console": "edge_runtime.sinks.console:ConsoleSink",
    "jsonl": "edge_runtime.sinks.line_files:JsonLinesSink",
    "csv": "edge_runtime.sinks.line_files:CsvSink",
    "mqtt": "edge_runtime.sinks.mqtt_sink:MqttSink",
}


def open_sink(uri: str, contract: Contract) -> Sink:
    """Open a sink: ``console:``, ``jsonl:PATH``, ``csv:PATH``, ``mqtt:BROKER``.

    Args:
        uri: ``scheme:...``, documented in the sink's module.
        contract: contract of the model that decides. It holds the labels.

    Raises:
        OutputError: the scheme is unknown, or the sink cannot be opened.
        MissingExtraError: the package that the sink needs is not installed.
    """
    scheme, _, rest = uri.partition(":")
    if scheme not in SCHEMES:
        schemes = ", ".join(f"{name}:" for name in SCHEMES)
        raise OutputError(
            f"there is no kind of sink called {scheme!r} (in {uri!r}), expected one of {schemes} "
            "as in console: or jsonl:decisions.jsonl: put one of these before a path"
        )
    module, _, class_name = SCHEMES[scheme].partition(":")
    sink_class = getattr(importlib.import_module(module), class_name)
    sink: Sink = sink_class.from_uri(rest, contract)
    return sink
