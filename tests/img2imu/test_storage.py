import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_runtime.errors import DataError, OutputError
from img2imu import MotionClassifier
from img2imu.storage import BACKBONE, FORMAT, LIBRARIES, load

CHANNELS = ("acc_x", "acc_y", "acc_z")
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def classifier():
    random = np.random.default_rng(0)
    windows = random.normal(0, 0.3, (6, 40, 3)) * np.repeat([1, 4], 3)[:, None, None] + [0, 0, 9.81]
    return MotionClassifier(25.0, CHANNELS, seed=7).fit(windows, np.repeat(["still", "shaken"], 3))


@pytest.fixture(scope="module")
def saved(classifier, tmp_path_factory):
    """Return the bytes of a trained model."""
    path = tmp_path_factory.mktemp("saved") / "mine.npz"
    classifier.save(path, data_set="made up", split_sha256="ab" * 32)
    return path.read_bytes()


@pytest.fixture(scope="module")
def refusal(tmp_path_factory):
    """Return the message that refuses these bytes."""
    path = tmp_path_factory.mktemp("refused") / "model.npz"

    def call(content):
        path.write_bytes(content)
        with pytest.raises(DataError) as caught:
            load(path)
        sentence = str(caught.value)
        assert str(path) in sentence and "\n" not in sentence and len(sentence) < 600
        return sentence

    return call


def rewritten(saved, leave_out=(), **changes):
    """Return the file with some arrays replaced or left out."""
    with np.load(io.BytesIO(saved)) as stored:
        arrays = {name: stored[name] for name in stored.files if name not in leave_out} | changes
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def with_header(saved, leave_out=(), **changes):
    with np.load(io.BytesIO(saved)) as stored:
        header = json.loads(str(stored["header"])) | changes
    return rewritten(
        saved, header=np.array(json.dumps({k: v for k, v in header.items() if k not in leave_out}))
    )


def test_the_header_holds_where_the_model_comes_from(classifier, saved, tmp_path):
    (tmp_path / "m.npz").write_bytes(saved)
    header = load(tmp_path / "m.npz").header
    assert (header.format, header.backbone) == (FORMAT, BACKBONE)
    assert (header.name, header.data_set, header.split_sha256) == ("mine", "made up", "ab" * 32)
    assert (header.rate_hz, header.channels, header.gravity, header.seed) == (
        25.0,
        CHANNELS,
        "included",
        7,
    )
    assert header.front_end == classifier.front_end_
    assert set(header.versions) == set(LIBRARIES)
    assert header.created.startswith("20")


def test_a_name_can_be_given(classifier, tmp_path):
    classifier.save(tmp_path / "m.npz", name="shaking")
    assert load(tmp_path / "m.npz").header.name == "shaking"


def test_nothing_is_pickled(saved):
    with np.load(io.BytesIO(saved), allow_pickle=False) as stored:
        assert {stored[name].dtype.kind for name in stored.files} <= set("Uif")
    with zipfile.ZipFile(io.BytesIO(saved)) as archive:
        assert all(name.endswith(".npy") for name in archive.namelist())


def test_a_pickle_in_the_file_is_not_run(saved, refusal, tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("sprung").write_text, ("gotcha",))

    content = io.BytesIO()
    trap = np.empty(1, object)
    trap[0] = Trap()
    np.savez(content, header=trap)
    assert "is not a trained model, or is damaged" in refusal(content.getvalue())
    assert not (tmp_path / "sprung").exists()


def test_a_later_version_may_design_another_front_end(saved, classifier, tmp_path, monkeypatch):
    """The front end comes from the file, not from the present design."""
    (tmp_path / "m.npz").write_bytes(saved)
    monkeypatch.setattr("edge_runtime.frontend.design.SHAPE", ("max",))
    monkeypatch.setattr("edge_runtime.frontend.design.LIMITS_DB", {"acc": (-10.0, 10.0)})
    loaded = MotionClassifier.load(tmp_path / "m.npz")
    windows = classifier.support_windows_
    np.testing.assert_array_equal(loaded.predict_proba(windows), classifier.predict_proba(windows))


# ---- refusals


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"nonsense" * 50, b"\x93NUMPY\x01\x00", b"\x80\x04K\x01."]
)
def test_a_file_that_is_not_an_npz_is_refused(refusal, content):
    assert "is not a trained model, or is damaged" in refusal(content)


def test_a_bare_array_is_refused(refusal):
    content = io.BytesIO()
    np.save(content, np.zeros(3))
    assert "is not a trained model" in refusal(content.getvalue())


def test_another_npz_is_refused(refusal):
    content = io.BytesIO()
    np.savez(content, samples=np.zeros((3, 3)))
    assert "it has no array classes" in refusal(content.getvalue())


def test_missing_and_unreadable_files(tmp_path):
    for path, message in ((tmp_path / "nowhere.npz", "No such file"), (tmp_path, "directory")):
        with pytest.raises(
            DataError, match=f"cannot read the trained model .*{message}.*img2imu train"
        ):
            load(path)


@settings(UNTIMED, max_examples=40)
@given(data=st.data())
def test_a_file_that_was_cut_short_is_refused(saved, refusal, data):
    refusal(saved[: data.draw(st.integers(0, len(saved) - 1))])


@settings(UNTIMED, max_examples=80)
@given(data=st.data())
def test_flipped_bytes_are_refused_or_harmless(saved, classifier, tmp_path_factory, data):
    damaged = bytearray(saved)
    places = st.integers(0, len(saved) - 1) | st.integers(len(saved) - 800, len(saved) - 1)
    for place, byte in data.draw(
        st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=3)
    ):
        damaged[place] = byte
    path = tmp_path_factory.getbasetemp() / "flipped.npz"
    path.write_bytes(damaged)
    try:
        loaded = MotionClassifier.load(path)
    except DataError as error:
        assert "\n" not in str(error)
        return
    np.testing.assert_array_equal(loaded.head_.weights, classifier.head_.weights)
    np.testing.assert_array_equal(loaded.support_windows_, classifier.support_windows_)


@pytest.mark.parametrize(
    "name",
    [
        "header",
        "classes",
        "windows",
        "window_classes",
        "head_mean",
        "head_inverse_std",
        "head_weights",
        "head_bias",
    ],
)
def test_an_array_that_is_missing_is_named(saved, refusal, name):
    assert f"it has no array {name}" in refusal(rewritten(saved, leave_out=[name]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("windows", np.zeros((6, 40, 2), np.float32)),
        ("windows", np.zeros((6, 40))),
        ("windows", np.float32(1)),
        ("windows", np.full((6, 40, 3), "x")),
        ("window_classes", np.zeros(5, np.int64)),
        ("classes", np.array("a")),
        ("classes", np.array(["a", "b", "c"])),
        ("head_mean", np.zeros(3)),
        ("head_mean", np.float64(0)),
        ("head_weights", np.zeros((2, 3))),
        ("head_bias", np.zeros(3)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(saved, refusal, name, value):
    assert "is not a trained model (its array " in refusal(rewritten(saved, **{name: value}))


def test_a_newer_format_asks_for_an_upgrade_with_any_other_keys(saved, refusal):
    sentence = refusal(with_header(saved, format=FORMAT + 1, leave_out=["gravity"], views="fused"))
    assert f"has format {FORMAT + 1} " in sentence
    assert sentence.endswith("pip install --upgrade img2imu")


def test_another_network_asks_for_an_upgrade(saved, refusal):
    sentence = refusal(with_header(saved, backbone="another"))
    assert "the network 'another'" in sentence and sentence.endswith(
        "pip install --upgrade img2imu"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"leave_out": ["seed"]}, "lacks the key 'seed'"),
        ({"seed": 1.5}, "header.seed is 1.5, expected a whole number"),
        ({"rate_hz": "fast"}, "header.rate_hz is 'fast', expected a finite number"),
        ({"front_end": {}}, "header.front_end lacks the key"),
    ],
)
def test_header_keys_are_checked(saved, refusal, changes, message):
    sentence = refusal(with_header(saved, **changes))
    assert "is not a trained model" in sentence and message in sentence


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "3", "null", "{}", '{"format": 1}', "[" * 100_000]
)
def test_an_invalid_header_is_refused(saved, refusal, text):
    assert "its header cannot be read" in refusal(rewritten(saved, header=np.array(text)))


def test_a_file_that_cannot_be_written(classifier, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        classifier.save(tmp_path / "missing" / "m.npz")
    with pytest.raises(OutputError):
        classifier.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_keeps_the_old_file(classifier, saved, tmp_path, monkeypatch):
    (tmp_path / "m.npz").write_bytes(saved)

    def full(file, **_):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numpy.savez_compressed", full)
    with pytest.raises(OutputError, match="No space left"):
        classifier.save(tmp_path / "m.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["m.npz"]
    assert (tmp_path / "m.npz").read_bytes() == saved
