import itertools
import math

import numpy as np
import pytest

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError
from edge_runtime.sources import open_source
from edge_runtime.sources.mapping import AxisMapping, parse_mapping

MOUNTS = [
    ",".join(sign + axis for sign, axis in zip(signs, axes, strict=True))
    for axes in itertools.permutations("xyz")
    for signs in itertools.product(["", "-"], repeat=3)
]


def apply(mapping, channels, values):
    """Return the (n, 6) values of all channels, mapped to ``channels``."""
    columns, factors = mapping.plan(channels)
    needed = [CHANNELS.index(name) for name in mapping.needs(channels)]
    return values[:, needed][:, columns] * factors


@pytest.mark.parametrize("mount", MOUNTS)
def test_every_mount_is_right_for_a_rigid_body(mount):
    """The velocity of a rotating point is gyro x position, in the new axes as in the old.

    Acceleration maps like position. The cross product determines what the angular rate must map to,
    mirrored or not.
    """
    generator = np.random.default_rng(0)
    position, rate = generator.normal(size=(2, 5, 3))
    mapping = parse_mapping(mount, None)
    mapped = apply(mapping, CHANNELS, np.hstack([position, rate]))
    velocity = apply(mapping, CHANNELS[:3], np.hstack([np.cross(rate, position), rate]))
    np.testing.assert_allclose(np.cross(mapped[:, 3:], mapped[:, :3]), velocity, rtol=1e-6)


def test_the_documented_mount():
    values = np.array([[1.0, 2, 3, 4, 5, 6]])
    assert apply(parse_mapping("-y,x,z", None), CHANNELS, values).tolist() == [[-2, 1, 3, -5, 4, 6]]
    assert apply(parse_mapping("-x,-y,-z", None), CHANNELS, values).tolist() == [
        [-1, -2, -3, 4, 5, 6]
    ]  # iOS
    assert parse_mapping(" +Y, x,Z", None).mount == ((1, 1.0), (0, 1.0), (2, 1.0))


def test_units():
    values = np.ones((1, 6))
    mapped = apply(parse_mapping(None, "g,dps"), CHANNELS, values)
    np.testing.assert_allclose(mapped, [[9.80665] * 3 + [math.pi / 180] * 3], rtol=1e-6)
    in_mg = apply(parse_mapping(None, "mg"), CHANNELS, values)
    np.testing.assert_allclose(in_mg[0, [0, 3]], [0.00980665, 1], rtol=1e-6)
    np.testing.assert_array_equal(
        apply(parse_mapping(None, "rad/s,m/s2"), CHANNELS, values), values
    )
    assert parse_mapping(None, None) == AxisMapping()


@pytest.mark.parametrize(
    ("mount", "units", "message"),
    [
        ("x,y", None, "mount is 'x,y', expected the sensor's axes"),
        ("x,x,z", None, "each once"),
        ("", None, "mount is ''"),
        ("x,y,w", None, "mount=-y,x,z"),
        (None, "miles", "units is 'miles', expected one of m/s2"),
        (None, "g,mg", "or both"),
        (None, "", "units is ''"),
        (None, "g,dps,g", "units"),
    ],
)
def test_invalid_options_are_refused(mount, units, message):
    with pytest.raises(SourceError, match=message):
        parse_mapping(mount, units)


def test_open_source_takes_both_options(tmp_path):
    path = tmp_path / "walk.csv"
    path.write_text("time_s,acc_x,acc_y,acc_z\n0,1,2,3\n0.1,4,5,6\n")
    (chunk,) = open_source(f"{path}?mount=-y,z,x&speed=max&units=g", ("acc_z", "acc_x"))
    np.testing.assert_allclose(chunk.samples, np.array([[1, -2], [4, -5]]) * 9.80665, rtol=1e-6)
    with pytest.raises(SourceError, match="twice"):
        open_source(f"{path}?units=g&units=mg", ("acc_x",))
