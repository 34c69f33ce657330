"""Dataclasses to JSON and back, strictly: an unknown key, a missing key or a value of another type is an error.

A field with the metadata :data:`OPTIONAL` may be missing, and is left out where it has its default.
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
    """A document that is not what it should be."""


def to_json(value: Any) -> Any:
    """A dataclass (nested, with tuples, dicts and plain values) as what ``json.dumps`` takes."""
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
    """Build the dataclass ``kind`` from parsed JSON.

    Args:
        kind: the dataclass to build.
        value: what ``json.loads`` gave.
        where: the place in the document, for messages.

    Raises:
        JsonError: naming the place, what was found and what was expected; the remedy is for the
        caller to add.
    """
    return typing.cast(T, _convert(kind, value, where))


def _convert(kind: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
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
    if kind is str and type(value) is str and not any("\ud800" <= c <= "\udfff" for c in value):
        return (
            value  # half a surrogate pair is no character: it could be neither printed nor written
        )
    if kind in (int, bool) and type(value) is kind:  # bool is no int here
        return value
    raise JsonError(f"{where} is {show(value)}, expected {_EXPECTED[kind]}")


def _build(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise JsonError(f"{where} is {show(value)}, expected an object")
    fields = {f.name: f for f in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    unknown = sorted(set(value) - set(fields))
    if unknown:
        raise JsonError(
            f"{where} has the unknown key {show(unknown[0])}, expected only {', '.join(fields)}; "
            "the document was written by another version or by hand"
        )
    missing = [name for name, f in fields.items() if name not in value and not _is_optional(f)]
    if missing:
        raise JsonError(f"{where} lacks the key '{missing[0]}'")
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
    return f.default if f.default_factory is dataclasses.MISSING else f.default_factory()


def show(value: object, length: int = 40) -> str:
    """``repr`` of at most so many characters, however large or deep the value is."""
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = shortener.maxlong = length
    text = shortener.repr(value)
    return text if len(text) <= length else text[: length - 3] + "..."
