import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.sources.iio_device import (
    ScanElement,
    ScanLayout,
    choose_rate,
    parse_element,
)

LSM6DSO_RATES = "12.500 26.000 52.000 104.000 208.000 416.000"


@st.composite
def elements(draw, name="in_accel_x", index=0):
    storage = draw(st.sampled_from([8, 16, 32, 64]))
    shift = draw(st.integers(0, storage - 1))
    bits = draw(st.integers(1, storage - shift))
    signed = draw(st.booleans()) if bits < 64 else True
    return ScanElement(name, index, draw(st.booleans()), signed, bits, storage, shift)


def stored(element, value, junk):
    """Return the bytes that hold ``value``, computed with Python's integers.

    The other bits are taken from ``junk``.
    """
    mask = ((1 << element.bits) - 1) << element.shift
    word = (value << element.shift) & mask | junk & ~mask & ((1 << element.storage_bits) - 1)
    return word.to_bytes(element.size, "big" if element.big_endian else "little")


@given(st.data())
def test_records_match_integers_of_python(data):
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
def test_types_as_printed_by_the_kernel(element):
    text = (
        f"{'be' if element.big_endian else 'le'}:{'s' if element.signed else 'u'}{element.bits}/"
        f"{element.storage_bits}>>{element.shift}\n"
    )
    assert parse_element("in_accel_x", "0\n", text) == element


def test_shift_and_repeat_are_optional():
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
def test_invalid_types_are_refused(kind):
    with pytest.raises(ValueError, match="in_accel_x has the type"):
        parse_element("in_accel_x", "0", kind)


def test_a_partial_record_is_refused():
    layout = ScanLayout([parse_element("a", "0", "le:s16/16>>0")])
    with pytest.raises(ValueError):
        layout.decode(b"123")
    assert layout.decode(b"")["a"].dtype == np.int64


@pytest.mark.parametrize(
    ("offered", "requested_hz", "chosen_hz"),
    [
        (LSM6DSO_RATES, 50, 52),
        (LSM6DSO_RATES, 52.5, 52),
        (LSM6DSO_RATES, 100, 104),
        (LSM6DSO_RATES, 1000, 416),
        (LSM6DSO_RATES, 1, 12.5),
        ("", 50, 50),
        ("[4 1 1000]", 50, 50),
        ("[4 1 1000]", 2000, 1000),
        ("[4 1 1000]", 1, 4),
    ],
)
def test_the_chosen_rate_is_the_lowest_that_is_enough(offered, requested_hz, chosen_hz):
    assert choose_rate(offered, requested_hz) == chosen_hz
