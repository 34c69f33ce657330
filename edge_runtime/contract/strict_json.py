"""Strict conversion between dataclasses and JSON.

An unknown key, a missing key and a value of another type are errors. A field with the metadata
:data:`OPTIONAL` may be missing, and is left out where it has its default.
"""

from __future__ import annotations

import dataclasses
import reprlib
import sys
import types
import typing
from typing import Any, TypeVar

T = TypeVar("T")
OPTIONAL = {"optional": True}
_EXPECTED = {float: "a finite number", int: "a whole number", str: "text", bool: "true or false"}


class JsonError(ValueError):
    """A document does not fit the dataclass."""


def to_json(value: Any) -> Any:
    """Convert a dataclass to what ``json.dumps`` takes.

    Its fields may be dataclasses, tuples, dicts and plain values.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: to_json(getattr(value, f.name))
            for f in dataclasses.fields(value)
            if not (_is_optional(f) and getattr(value, f.name) == _default(f))
        }
    if isinstance(value, (tuple, list)):
        return [to_json(v) for v in value]
    if isinstance(value, dict):
        return {str(k): to_json(v) for k, v in value.items()}
    return value


def from_json(kind: type[T], value: Any, where: str) -> T:
    """Build a dataclass from parsed JSON.

    Args:
        kind: the dataclass.
        value: what ``json.loads`` returned.
        where: the place in the document, for messages.

    Raises:
        JsonError: it names the place, the value met, and what was expected. The caller adds the
            remedy.
    """
    return typing.cast(T, _convert(kind, value, where))


def show(value: object, length: int = 40) -> str:
    """Return ``repr(value)`` in at most ``length`` characters, however large or deep the value."""
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = shortener.maxlong = length
    text = shortener.repr(value)
    return text if len(text) <= length else text[: length - 3] + "..."


def _convert(kind: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    args = typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _build(kind, value, where)
    if origin is tuple:  # only tuple[X, ...] is used
        if not isinstance(value, list):
            raise JsonError(f"{where} is {show(value)}, expected a list")
        return tuple(_convert(args[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise JsonError(f"{where} is {show(value)}, expected an object")
        return {
            _convert(str, k, f"a key of {where}"): _convert(args[1], v, f"{where}.{k}")
            for k, v in value.items()
        }
    if origin in (types.UnionType, typing.Union):  # only X | None is used
        return None if value is None else _convert(args[0], value, where)
    if kind is float and type(value) in (int, float) and abs(value) <= sys.float_info.max:
        return float(value)
    if kind is str and type(value) is str and not _has_surrogates(value):
        return value
    if kind in (int, bool) and type(value) is kind:  # not isinstance: a bool is an int
        return value
    raise JsonError(f"{where} is {show(value)}, expected {_EXPECTED[kind]}")


def _build(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise JsonError(f"{where} is {show(value)}, expected an object")
    fields = {f.name: f for f in dataclasses.fields(kind)}
    unknown = sorted(set(value) - set(fields))
    if unknown:
        raise JsonError(
            f"{where} has the unknown key {show(unknown[0])}, expected only {', '.join(fields)}; "
            "the document was written by another version or by hand"
        )
    missing = [name for name, f in fields.items() if name not in value and not _is_optional(f)]
    if missing:
        raise JsonError(f"{where} lacks the key '{missing[0]}'")
    hints = typing.get_type_hints(kind)
    return kind(
        **{
            name: _convert(hints[name], value[name], f"{where}.{name}")
            for name in fields
            if name in value
        }
    )


def _is_optional(f: dataclasses.Field[Any]) -> bool:
    return bool(f.metadata.get("optional"))


def _default(f: dataclasses.Field[Any]) -> Any:
    if f.default_factory is dataclasses.MISSING:
        return f.default
    return f.default_factory()


def _has_surrogates(text: str) -> bool:
    """Return whether text has half of a surrogate pair, which can be neither printed nor saved."""
    return any("\ud800" <= c <= "\udfff" for c in text)
