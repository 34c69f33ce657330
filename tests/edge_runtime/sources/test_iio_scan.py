import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.sources.iio_scan import ScanElement, ScanLayout, parse_element


@st.composite
def elements(draw, name="in_accel_x", index=0):
    storage = draw(st.sampled_from([8, 16, 32, 64]))
    shift = draw(st.integers(0, storage - 1))
    bits = draw(st.integers(1, storage - shift))
    signed = draw(st.booleans()) if bits < 64 else True
    return ScanElement(name, index, draw(st.booleans()), signed, bits, storage, shift)


def stored(element, value, junk):
    """The bytes that hold ``value``, by Python's integers: value shifted to its place, other bits from ``junk``."""
    mask = ((1 << element.bits) - 1) << element.shift
    word = (value << element.shift) & mask | junk & ~mask & ((1 << element.storage_bits) - 1)
    return word.to_bytes(element.size, "big" if element.big_endian else "little")


@given(st.data())
def test_records_against_integers_of_python(data):
    indices = data.draw(st.lists(st.integers(0, 20), min_size=1, max_size=5, unique=True))
    layout_elements = [data.draw(elements(f"in_{i}", i)) for i in indices]
    rows = data.draw(st.integers(0, 4))
    records, expected = b"", {element.name: [] for element in layout_elements}
    largest = max(element.size for element in layout_elements)
    for _ in range(rows):
        record = b""
        for element in sorted(layout_elements, key=lambda element: element.index):
            low = -(1 << element.bits - 1) if element.signed else 0
            value = data.draw(st.integers(low, low + (1 << element.bits) - 1))
            expected[element.name].append(value)
            while len(record) % element.size:
                record += b"\xa5"
            record += stored(element, value, data.draw(st.integers(0, (1 << 64) - 1)))
        while len(record) % largest:
            record += b"\x5a"
        records += record
    decoded = ScanLayout(layout_elements).decode(records)
    assert {name: values.tolist() for name, values in decoded.items()} == expected


def test_the_record_of_the_lsm6dso():
    """Three 16-bit axes leave two bytes before the timestamp: 16 bytes."""
    kinds = [
        ("in_accel_x", "0", "le:s16/16>>0"),
        ("in_accel_y", "1", "le:s16/16>>0"),
        ("in_accel_z", "2", "le:s16/16>>0"),
        ("in_timestamp", "3", "le:s64/64>>0"),
    ]
    layout = ScanLayout([parse_element(*kind) for kind in reversed(kinds)])
    assert layout.size == 16
    decoded = layout.decode(bytes.fromhex("e803 30f8 0040 ffff 0100000000000080"))
    assert {name: values.tolist() for name, values in decoded.items()} == {
        "in_accel_x": [1000],
        "in_accel_y": [-2000],
        "in_accel_z": [16384],
        "in_timestamp": [1 - (1 << 63)],
    }


@given(elements())
def test_types_as_the_kernel_prints_them(element):
    text = (
        f"{'be' if element.big_endian else 'le'}:{'s' if element.signed else 'u'}{element.bits}/"
        f"{element.storage_bits}>>{element.shift}\n"
    )
    assert parse_element("in_accel_x", "0\n", text) == element


def test_shift_and_repeat_may_be_missing():
    assert parse_element("a", "3", "be:u12/16") == ScanElement("a", 3, True, False, 12, 16, 0)
    assert parse_element("a", "3", "le:s12/16X1>>4") == ScanElement("a", 3, False, True, 12, 16, 4)


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "le:s16",
        "xe:s16/16>>0",
        "le:s32/16>>0",
        "le:s12/16>>5",
        "le:s16/24>>0",
        "le:s32/32X4>>0",
        "le:s0/16>>0",
        "le:f32/32>>0",
    ],
)
def test_types_that_are_none(kind):
    with pytest.raises(ValueError, match="in_accel_x has the type"):
        parse_element("in_accel_x", "0", kind)


def test_half_a_record_is_refused():
    layout = ScanLayout([parse_element("a", "0", "le:s16/16>>0")])
    with pytest.raises(ValueError):
        layout.decode(b"123")
    assert layout.decode(b"")["a"].dtype == np.int64
