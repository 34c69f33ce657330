import hashlib
import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.contract import container
from edge_runtime.contract.container import Golden, Taught, pack_model, read_model
from edge_runtime.contract.head import LinearHead
from edge_runtime.contract.spec import Contract, TaughtSpec
from edge_runtime.errors import ContractError

# The identifier of a TensorFlow Lite file; the container looks no further.
TFLITE = b"\x1c\x00\x00\x00TFL3" + bytes(range(256)) * 4


@pytest.fixture(scope="module")
def packed(make_contract, make_golden):
    contract = make_contract()
    return pack_model(TFLITE, contract, make_golden(contract))


@pytest.fixture(scope="module")
def read_bytes(tmp_path_factory):
    """Write bytes to a file and read it as a model."""
    path = tmp_path_factory.mktemp("model") / "model.tflite"

    def call(content):
        path.write_bytes(content)
        return read_model(path)

    return call


@pytest.fixture(scope="module")
def refusal(read_bytes, is_sentence):
    """Return the message with which the reader refuses bytes."""

    def call(content):
        with pytest.raises(ContractError) as caught:
            read_bytes(content)
        assert is_sentence(str(caught.value))
        return str(caught.value)

    return call


def rezip(packed, change=None, leave_out=(), **options):
    """Write the zip of a model again, with entries left out or added by ``change(archive)``."""
    appended = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(packed)) as old,
        zipfile.ZipFile(appended, "w", **options) as new,
    ):
        for info in old.infolist():
            if info.filename not in leave_out:
                new.writestr(info.filename, old.read(info))
        if change is not None:
            change(new)
    return TFLITE + appended.getvalue()


@settings(max_examples=30)
@given(body=st.binary(max_size=300), channels=st.sampled_from([1, 3, 6]), n=st.integers(1, 3))
def test_what_was_packed_is_read_back(make_contract, make_golden, read_bytes, body, channels, n):
    contract = make_contract(channels)
    golden = make_golden(contract, n)
    file = read_bytes(pack_model(TFLITE[:8] + body, contract, golden))
    assert (file.tflite, file.contract) == (TFLITE[:8] + body, contract)
    for name in ("windows", "statistics", "image_samples", "probabilities"):
        values = getattr(file.golden, name)
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, getattr(golden, name))


def test_equal_models_are_equal_files(packed, make_contract, make_golden):
    assert packed == pack_model(TFLITE, make_contract(), make_golden(make_contract()))


def test_the_file_is_the_network_followed_by_a_zip_that_any_tool_reads(packed, make_contract):
    assert packed.startswith(TFLITE)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert archive.read("labels.txt").decode().split("\n") == [*make_contract().labels, ""]
        assert Contract.from_json(archive.read("img2imu.json").decode()) == make_contract()
        assert len(archive.read("golden/windows.f32")) == 2 * 32 * 6 * 4


def test_a_path_that_cannot_be_read_is_refused(tmp_path, is_sentence):
    for path in (tmp_path / "nowhere.tflite", tmp_path, tmp_path / "nul\0nul"):
        with pytest.raises(ContractError, match="cannot read the model file") as caught:
            read_model(path)
        assert "check the path" in str(caught.value)
    assert is_sentence(str(caught.value).replace("\0", ""))


@pytest.mark.parametrize(
    "content", [b"", b"TFL3", b"\x89PNG\r\n\x1a\n" + bytes(100), b"PK\x03\x04" + bytes(100)]
)
def test_a_file_that_is_not_a_tflite_is_refused(refusal, content):
    assert "is not a .tflite model" in refusal(content)


def test_a_file_that_is_not_a_tflite_is_not_read_whole(tmp_path):
    path = tmp_path / "film.mkv"
    with path.open("wb") as file:
        file.truncate(1 << 30)  # takes no room on the disk
    with bounded_memory(1 << 20), pytest.raises(ContractError, match=r"is not a \.tflite"):
        read_model(path)


def test_a_tflite_without_a_contract_is_refused(refusal, packed):
    assert "without an img2imu contract" in refusal(TFLITE)
    assert "without an img2imu contract" in refusal(rezip(packed, leave_out=["img2imu.json"]))


@pytest.mark.parametrize(
    "name", ["golden/windows.f32", "golden/probabilities.f32", "tflite.sha256"]
)
def test_a_missing_entry_is_named(refusal, packed, name):
    assert f"{name} is missing" in refusal(rezip(packed, leave_out=[name]))


@settings(max_examples=60)
@given(data=st.data())
def test_a_file_that_was_cut_short_is_refused(refusal, packed, data):
    refusal(packed[: data.draw(st.integers(0, len(packed) - 1))])


@settings(max_examples=200)
@given(data=st.data())
def test_flipped_bytes_are_refused_or_harmless(read_bytes, packed, make_contract, data):
    damaged = bytearray(packed)
    zip_begins = len(TFLITE) - 100
    places = (
        st.integers(0, len(packed) - 1)
        | st.integers(zip_begins, len(packed) - 1)
        | st.integers(len(packed) - 600, len(packed) - 1)
    )  # the last: the zip's directory
    for place, byte in data.draw(
        st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=4)
    ):
        damaged[place] = byte
    try:
        file = read_bytes(bytes(damaged))
    except ContractError:
        return
    assert file.tflite == TFLITE
    assert file.contract == make_contract()


@settings(max_examples=100)
@given(garbage=st.binary(max_size=400), keep=st.sampled_from([0, 22, 76, 200]))
def test_garbage_after_the_network_is_refused(refusal, packed, garbage, keep):
    refusal(TFLITE + garbage + packed[len(packed) - keep :] if keep else TFLITE + garbage)


@pytest.mark.parametrize("place", range(8, len(TFLITE), 97))
def test_a_flipped_bit_in_the_network_is_refused(refusal, packed, place):
    damaged = bytearray(packed)
    damaged[place] ^= 1
    assert "the network is not the one that was exported" in refusal(bytes(damaged))


def test_two_models_in_one_file_are_refused(refusal, packed, make_contract, make_golden):
    contract = make_contract(labels=("other", "labels", "here"))
    assert "damaged" in refusal(packed + pack_model(TFLITE, contract, make_golden(contract)))


@pytest.mark.parametrize(
    "name", ["../../outside.txt", "/etc/passwd", "C:\\evil", "golden/../img2imu.json", "x" * 60000]
)
def test_unknown_entries_are_ignored(
    read_bytes, packed, make_contract, name, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert read_bytes(rezip(packed, lambda z: z.writestr(name, "boo"))).contract == make_contract()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_repeated_entry_is_read_or_refused(read_bytes, refusal, packed, make_contract):
    other = make_contract(labels=("x", "y", "z"))
    file = read_bytes(rezip(packed, lambda z: z.writestr("img2imu.json", other.to_json())))
    assert file.contract in (make_contract(), other)
    assert "not valid JSON" in refusal(
        rezip(packed, lambda z: z.writestr("img2imu.json", "no contract"))
    )


class bounded_memory:
    """Fail if more than ``limit`` bytes were allocated at once inside."""

    def __init__(self, limit):
        self.limit = limit

    def __enter__(self):
        tracemalloc.start()

    def __exit__(self, *_):
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < self.limit


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("name", ["img2imu.json", "golden/windows.f32"])
def test_a_zip_bomb_is_refused_in_bounded_memory(refusal, packed, name, method):
    def bomb(archive):
        info = zipfile.ZipInfo(name)
        info.compress_type = method
        with archive.open(info, "w") as entry:
            for _ in range(100):
                entry.write(bytes(1 << 20))

    content = rezip(packed, bomb, leave_out=[name])
    assert len(content) < 1 << 20
    with bounded_memory(60 << 20):
        sentence = refusal(content)
    assert name in sentence


def test_an_entry_with_a_wrong_size_in_its_header_is_refused(refusal, packed):
    content = bytearray(packed)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        size = archive.getinfo("golden/windows.f32").file_size
    field = struct.pack("<L", size)
    at = content.rindex(field)  # in the directory
    content[at : at + 4] = struct.pack("<L", 8)
    refusal(bytes(content))


@pytest.mark.parametrize(
    "where, value, what",
    [
        (8, 0x1, "encrypted"),
        (8, 0x41, "strongly encrypted"),
        (8, 0x20, "patched"),
        (10, 99, "an unknown compression"),
        (6, 255, "a zip version of the future"),
    ],
)
def test_an_entry_that_cannot_be_unpacked_is_refused(refusal, packed, where, value, what):
    content = bytearray(packed)
    directory = content.index(b"PK\x01\x02")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        local = archive.infolist()[0].header_offset
    content[directory + where : directory + where + 2] = struct.pack("<H", value)
    content[local + where - 2 : local + where] = struct.pack("<H", value)
    assert refusal(bytes(content)), what


def replaced(packed, name, content):
    return rezip(packed, lambda z: z.writestr(name, content), leave_out=[name])


def test_a_contract_that_is_not_text_is_refused(refusal, packed):
    assert "not UTF-8" in refusal(replaced(packed, "img2imu.json", b"\xff\xfe{"))
    assert "not valid JSON" in refusal(replaced(packed, "img2imu.json", "{"))


@pytest.mark.parametrize(
    "name, n_bytes",
    [
        ("windows", 0),
        ("windows", 4),
        ("windows", 32 * 6 * 4 * 2 - 1),
        ("windows", 32 * 6 * 4 * 3),
        ("statistics", 3),
        ("statistics", 4 * 3),
        ("image_samples", 4),
        ("probabilities", 0),
        ("probabilities", 4 * 5),
    ],
)
def test_golden_vectors_of_another_size_are_refused(refusal, packed, name, n_bytes):
    sentence = refusal(replaced(packed, f"golden/{name}.f32", bytes(n_bytes)))
    assert "golden vectors that do not fit its contract" in sentence


def test_golden_vectors_are_little_endian_float32_without_a_header(read_bytes, packed):
    numbers = struct.pack("<6f", 1, 2, 3, 4, 5, 6.5)
    golden = read_bytes(replaced(packed, "golden/probabilities.f32", numbers)).golden
    assert isinstance(golden, Golden)
    assert golden.probabilities.tolist() == [[1, 2, 3], [4, 5, 6.5]]


def test_a_file_larger_than_any_model_is_refused_without_reading_it_whole(
    tmp_path, packed, monkeypatch
):
    monkeypatch.setattr(container, "MAX_FILE_BYTES", 1 << 10)
    path = tmp_path / "large.tflite"
    path.write_bytes(packed)
    with pytest.raises(ContractError, match=f"has {len(packed)} bytes, expected 1024 at most"):
        read_model(path)


def test_the_hash_is_of_the_network_alone(packed):
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        digest = archive.read("tflite.sha256").decode()
    assert digest == hashlib.sha256(TFLITE).hexdigest()


# ---- what was taught

TAUGHT = TaughtSpec((3, 2), (2, 1), 4, 9.5, 0.25, None)


def taught_arrays(rows=3):
    random = np.random.default_rng(0)
    shapes = {
        "embeddings": (3, 5),
        "background": (4, 5),
        "head_mean": (5,),
        "head_inverse_std": (5,),
        "head_weights": (rows, 5),
        "head_bias": (rows,),
    }
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def test_taught_arrays_are_read_back_as_they_were():
    arrays = taught_arrays()
    flat = {name: values.ravel() for name, values in arrays.items()}
    taught = Taught.from_arrays(flat, TAUGHT)
    assert isinstance(taught.head, LinearHead)
    assert set(taught.arrays()) == set(arrays) == set(Taught.shapes(TAUGHT))
    for name, values in taught.arrays().items():
        np.testing.assert_array_equal(values, arrays[name])


@pytest.mark.parametrize(
    "name", ["embeddings", "background", "head_weights", "head_bias", "head_mean"]
)
def test_taught_arrays_of_a_wrong_size_or_not_finite_are_refused(name):
    for spoil in (
        lambda v: v.ravel()[:-1],
        lambda v: np.append(v.ravel(), 0),
        lambda v: v * np.inf,
    ):
        arrays = {key: values.ravel() for key, values in taught_arrays().items()}
        arrays[name] = spoil(arrays[name])
        with pytest.raises(ValueError), np.errstate(invalid="ignore"):
            Taught.from_arrays(arrays, TAUGHT)
