import pickle
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from edge_runtime.errors import DataError
from edge_runtime.frontend.design import IMAGE_HEIGHT
from img2imu.pretrain.images import PICTURE_WIDTH, Images, collate, to_shades


def zipped(folder, place):
    with zipfile.ZipFile(place, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return place


def test_a_folder_and_its_zip_give_the_same_pictures(photos, tmp_path):
    folder, archive = Images(photos), Images(zipped(photos, tmp_path / "photos.zip"))
    assert folder.names == archive.names
    assert len(folder) == 24
    for i in (0, 7, 23):
        assert torch.equal(folder[i].pixels, archive[i].pixels)
        assert folder[i].pixels.shape == (3, IMAGE_HEIGHT, PICTURE_WIDTH)
        assert folder[i].pixels.dtype == torch.uint8


def test_rows_columns_and_colours_keep_their_meaning(tmp_path):
    """Top left red, top right green, bottom left blue, bottom right black."""
    quarters = np.zeros((96, 96, 3), np.uint8)
    quarters[:48, :48, 0] = quarters[:48, 48:, 1] = quarters[48:, :48, 2] = 255
    Image.fromarray(quarters).save(tmp_path / "1.png")
    pixels = Images(tmp_path)[0].pixels
    assert [pixels[:, y, x].tolist() for y in (4, 43) for x in (4, 43)] == [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [0, 0, 0],
    ]


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_other_kinds_of_pixels_become_red_green_and_blue(tmp_path, mode):
    Image.new(mode, (5, 7)).save(tmp_path / "1.png")
    assert Images(tmp_path)[0].pixels.shape == (3, IMAGE_HEIGHT, PICTURE_WIDTH)


def test_other_files_are_counted_and_left_out(photos, tmp_path):
    (photos / "readme.txt").write_text("these are photographs")
    (photos / "0" / "._00.png").write_bytes(b"left by a file system")
    for images in (Images(photos), Images(zipped(photos, tmp_path / "photos.zip"))):
        assert (len(images), images.others) == (24, 2)


def test_a_damaged_image_is_replaced_by_the_next_and_reported(photos):
    names = Images(photos).names
    for i in (5, 6, 23):
        (photos / names[i]).write_bytes((photos / names[i]).read_bytes()[:90])
    images = Images(photos)
    assert images[5].damaged == (5, 6)
    assert torch.equal(images[5].pixels, images[7].pixels)
    assert torch.equal(images[23].pixels, images[0].pixels)
    batch = collate([images[4], images[5], images[6], images[23]])
    assert batch.damaged == {5, 6, 23}
    assert batch.pixels.shape == (4, 3, IMAGE_HEIGHT, PICTURE_WIDTH)


def test_every_worker_opens_the_zip_itself(photos, tmp_path):
    images = Images(zipped(photos, tmp_path / "photos.zip"))
    # Opened here first, so that workers inherit an open file.
    expected = [images[i].pixels for i in range(24)]
    loader = DataLoader(images, batch_size=3, num_workers=2, collate_fn=collate)
    assert torch.equal(torch.cat([batch.pixels for batch in loader]), torch.stack(expected))
    assert torch.equal(pickle.loads(pickle.dumps(images))[3].pixels, expected[3])


def test_shades():
    assert to_shades(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1.0, 1.0]


def test_places_without_images_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text("no zip")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.txt").write_text("no image")
    zipped(tmp_path / "folder", tmp_path / "texts.zip")
    for place, message in (
        ("texts.zip", "texts.zip has no image among its 1 files, expected .bmp"),
        ("nowhere", "nowhere does not exist, expected a folder or a zip"),
        ("a.txt", "a.txt cannot be read as a zip"),
        ("folder", "has no image among its 1 files"),
    ):
        with pytest.raises(DataError, match=message):
            Images(tmp_path / place)


def test_images_of_which_none_can_be_decoded_are_refused(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.jpg").write_bytes(b"\xff\xd8 and nothing more")
    with pytest.raises(DataError, match="has 3 images and none can be decoded"):
        Images(tmp_path)


def test_fewer_images_are_spread_over_all(photos):
    names = Images(photos).names
    assert Images(photos, 4).names == [names[0], names[6], names[12], names[18]]
    assert Images(photos, 24).names == Images(photos, 99).names == names
