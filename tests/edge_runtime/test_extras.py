import pytest

from edge_runtime.errors import MissingExtraError
from edge_runtime.extras import import_extra


def test_a_missing_package_names_the_extra():
    with pytest.raises(
        MissingExtraError, match=r"'no_such_package'.*pip install \"img2imu\[serial\]\""
    ):
        import_extra("no_such_package", "serial")
    assert import_extra("json", "serial").loads("1") == 1
