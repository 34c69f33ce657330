import pytest

from ..conftest import zip_bytes


@pytest.fixture
def published(tmp_path):
    """Write files as published: in a folder, in a zip, or in a zip inside a zip."""

    def write(files, how, inner="data.zip"):
        place = tmp_path / ("published" if how == "folder" else "published.zip")
        if how == "folder":
            for name, content in files.items():
                path = place / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
        elif how == "zip":
            place.write_bytes(zip_bytes(files))
        else:
            place.write_bytes(zip_bytes({"readme.txt": "not the data", inner: zip_bytes(files)}))
        return place

    return write


def table(rows, separator=" "):
    """Return rows of numbers as text."""
    return "".join(separator.join(f"{value:.7g}" for value in row) + "\n" for row in rows)
