import numpy as np
import pytest

from edge_runtime.errors import DataError
from img2imu.datasets.units import check_units

ACC = ("acc_x", "acc_y", "acc_z")


def standing(scale):
    noise = np.random.default_rng(0).normal(0, 0.01, (200, 3))
    return ((np.array([0, 0.6, 0.8]) + noise) * scale).astype(np.float32)


def moving_without_gravity():
    return np.random.default_rng(0).normal(0, 1, (200, 3)).astype(np.float32)


def test_si_with_gravity_is_taken():
    check_units([("a", standing(9.8)), ("b", standing(9.8))], ACC)


def test_gravity_may_be_missing_throughout():
    check_units([("a", moving_without_gravity()), ("b", moving_without_gravity())], ACC)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (standing(1), r"b has a median \|acc\| of 1.*look like g: multiply them by 9.80665"),
        (standing(1000), "thousandths of g"),
        (standing(0), "b has .* nothing but zeros"),
        (moving_without_gravity(), "a holds gravity and b does not"),
    ],
)
def test_refusals(samples, message):
    with pytest.raises(DataError, match=message):
        check_units([("a", standing(9.8)), ("b", samples)], ACC)


def test_only_three_axes_tell():
    check_units([("a", standing(1)[:, 2:])], ("acc_z",))


def test_the_order_of_the_columns_does_not_matter():
    with pytest.raises(DataError, match="look like g"):
        check_units(
            [("a", np.hstack([np.zeros((200, 3), np.float32), standing(1)]))],
            ("gyro_x", "gyro_y", "gyro_z", "acc_z", "acc_x", "acc_y"),
        )
