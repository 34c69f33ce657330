import re
from pathlib import Path

import pytest

from edge_runtime.errors import DataError
from img2imu.datasets import load_data_set
from img2imu.datasets.registry import REGISTRY

from .test_hapt import files as hapt_files
from .test_motionsense import HEADER


@pytest.mark.parametrize("entry", REGISTRY.values(), ids=lambda entry: entry.name)
def test_an_entry_names_authors_and_place(entry):
    assert entry.citation and entry.what and entry.homepage.startswith("https://")
    assert entry.subjects.split()[0].isdigit() and entry.classes >= 2
    if entry.original is not None:
        assert entry.original.url.startswith("https://")
        assert entry.original.sha256 is None or set(entry.original.sha256) <= set(
            "0123456789abcdef"
        )
        assert entry.original.sha256 is None or len(entry.original.sha256) == 64


def test_the_page_lists_what_the_registry_lists():
    page = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| \[(\w+)\]\((\S+)\)", page, re.MULTILINE))
    assert listed == {entry.name: entry.homepage for entry in REGISTRY.values()}
    for entry in REGISTRY.values():
        (row,) = re.findall(rf"^\| \[{entry.name}\].*$", page, re.MULTILINE)
        assert f"| {entry.rate_hz:g} Hz |" in row and f"| {entry.subjects.split()[0]}" in row


def test_a_name_is_looked_up_in_data(published, tmp_path, monkeypatch):
    place = published(hapt_files(), "zip")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DataError,
        match=r"hapt is not on this machine, expected .*data/hapt.zip: img2imu data get hap",
    ):
        load_data_set("hapt")
    (tmp_path / "data").mkdir()
    place.rename(tmp_path / "data" / "hapt.zip")
    data_set = load_data_set("hapt")
    assert (data_set.name, len(data_set.recordings)) == ("hapt", 2)
    assert load_data_set("hapt:data/hapt.zip").licence == data_set.licence
    assert REGISTRY["hapt"].where(tmp_path / "data") == str(tmp_path / "data" / "hapt.zip")
    assert REGISTRY["har"].where(tmp_path / "data") is None


def test_a_folder_with_the_original(published):
    assert len(load_data_set(f"hapt:{published(hapt_files(), 'folder')}").recordings) == 2
    with pytest.raises(DataError, match="there is no none, expected a folder or a zip"):
        load_data_set("hapt:none")


def test_other_units_than_the_published_ones(published):
    # In thousandths of g instead of g.
    rows = "".join(f"{i},0,0,0,0,0,-1000,0,0,0,0,0,10\n" for i in range(100))
    with pytest.raises(
        DataError, match=r"motionsense has a median \|acc\| of 9.71e\+03, expected about 9.81"
    ):
        load_data_set(f"motionsense:{published({'sit_5/sub_1.csv': HEADER + rows}, 'zip')}")
