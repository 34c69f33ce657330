"""The binary records of Linux's Industrial I/O buffers: what ``scan_elements`` says, and the bytes decoded by it.

A record holds the enabled elements in the order of their indices, each aligned to its own size, and
is padded to its largest (Documentation/ABI/testing/sysfs-bus-iio and ``iio_compute_scan_bytes`` in
industrialio-buffer.c).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class ScanElement:
    """One value of a record, as the file ``scan_elements/NAME_type`` describes it.

    Attributes:
        name: such as ``in_accel_x``.
        index: its place among the others.
        big_endian: byte order.
        signed: two's complement.
        bits: that carry the value.
        storage_bits: that it takes.
        shift: bits to drop on the right.
    """

    name: str
    index: int
    big_endian: bool
    signed: bool
    bits: int
    storage_bits: int
    shift: int

    @property
    def size(self) -> int:
        """Bytes that it takes, and the multiple of bytes at which it starts."""
        return self.storage_bits // 8

    def decode(self, stored: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """The values (n,) of n stored ones, (n, size)."""
        order = ">" if self.big_endian else "<"
        words = np.ascontiguousarray(stored).view(f"{order}u{self.size}")[:, 0].astype(np.uint64)
        words = (words >> np.uint64(self.shift)) & np.uint64((1 << self.bits) - 1)
        values = words.view(np.int64)
        if self.signed and self.bits < 64:
            values = np.where(values >= 1 << (self.bits - 1), values - (1 << self.bits), values)
        return values


def parse_element(name: str, index: str, kind: str) -> ScanElement:
    """Read what the kernel says about an element.

    Args:
        name: such as ``in_accel_x``.
        index: contents of ``NAME_index``.
        kind: contents of ``NAME_type``, ``[be|le]:[s|u]bits/storagebits[Xrepeat][>>shift]``.

    Raises:
        ValueError: not that, or an element of several values.
    """
    found = re.fullmatch(r"([bl])e:([su])(\d+)/(\d+)(?:X(\d+))?(?:>>(\d+))?", kind.strip())
    if found is None:
        raise ValueError(
            f"{name} has the type {kind.strip()!r}, expected [be|le]:[s|u]bits/storagebits[>>shift]"
        )
    bits, storage_bits, repeat, shift = (int(group or 0) for group in found.groups()[2:])
    if storage_bits not in (8, 16, 32, 64) or repeat > 1 or not 1 <= bits <= storage_bits - shift:
        raise ValueError(
            f"{name} has the type {kind.strip()!r}, expected one value in 8, 16, 32 or 64 bits"
        )
    return ScanElement(
        name, int(index), found[1] == "b", found[2] == "s", bits, storage_bits, shift
    )


class ScanLayout:
    """Where the elements lie in a record.

    Args:
        elements: that are enabled.

    Attributes:
        size: of a record, bytes.
    """

    def __init__(self, elements: Sequence[ScanElement]) -> None:
        self._offsets: dict[ScanElement, int] = {}
        end = 0
        for element in sorted(elements, key=lambda element: element.index):
            self._offsets[element] = _aligned(end, element.size)
            end = self._offsets[element] + element.size
        self.size = _aligned(end, max(element.size for element in elements))

    def decode(self, records: bytes) -> dict[str, npt.NDArray[np.int64]]:
        """Element's name to its values (n,) in n whole records."""
        table = np.frombuffer(records, np.uint8).reshape(-1, self.size)
        return {
            element.name: element.decode(table[:, offset : offset + element.size])
            for element, offset in self._offsets.items()
        }


def _aligned(offset: int, size: int) -> int:
    return -(-offset // size) * size
