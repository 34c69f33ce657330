"""Where decisions go. Each kind of sink is one module behind :func:`open_sink` and its URI scheme."""

from __future__ import annotations

import importlib

from edge_runtime.contract.spec import Contract
from edge_runtime.errors import OutputError
from edge_runtime.sinks.sink import Sink

# Scheme to "module:class", imported when asked for. The class has a static method from_uri(rest,
# contract), where rest is what follows "scheme:".
SCHEMES = {
    "console": "edge_runtime.sinks.console:ConsoleSink",
    "jsonl": "edge_runtime.sinks.jsonl:JsonLinesSink",
    "csv": "edge_runtime.sinks.csv_file:CsvSink",
    "mqtt": "edge_runtime.sinks.mqtt_client:MqttSink",
}


def open_sink(uri: str, contract: Contract) -> Sink:
    """Open the sink that a URI names: ``console:``, ``jsonl:PATH``, ``csv:PATH``, ``mqtt:BROKER``.

    Args:
        uri: ``scheme:...``, see the sink's module.
        contract: of the model whose decisions come; it holds the labels.

    Raises:
        OutputError: no such scheme, or the sink cannot be opened.
        MissingExtraError: the package that the sink needs is not installed.
    """
    scheme, _, rest = uri.partition(":")
    if scheme not in SCHEMES:
        raise OutputError(
            f"there is no kind of sink called {scheme!r} (in {uri!r}), expected one of "
            f"{', '.join(f'{known}:' for known in SCHEMES)} as in console: or jsonl:decisions.jsonl: put "
            "one of these before a path"
        )
    module, _, name = SCHEMES[scheme].partition(":")
    sink: Sink = getattr(importlib.import_module(module), name).from_uri(rest, contract)
    return sink
