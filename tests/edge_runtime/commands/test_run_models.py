"""Model files that cannot be used: one sentence, and no label."""

import dataclasses

import pytest

from edge_runtime.contract.container import pack_model, read_model
from img2imu.cli import EXIT_USER_ERROR, main


@pytest.fixture
def model_with(demo_model_path, tmp_path):
    """The bundled model with its bytes changed."""

    def call(change):
        path = tmp_path / "changed.tflite"
        path.write_bytes(change(demo_model_path.read_bytes()))
        return path

    return call


@pytest.mark.parametrize("command", ["run", "info"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: b"\x89PNG" + bytes(200), "is not a .tflite model"),
        (lambda content: b"", "is not a .tflite model"),
        (lambda content: content[:1000], "without an img2imu contract, or one that was cut short"),
        (lambda content: content[:-1], "cut short"),
        (lambda content: content[:100] + bytes([content[100] ^ 1]) + content[101:], "is damaged"),
    ],
    ids=["another kind", "empty", "cut in the network", "cut at the end", "a bit flipped"],
)
def test_a_model_file_that_is_none(
    refused, model_with, demo_recording_path, command, change, message, capsys
):
    path = model_with(change)
    if command == "run":
        assert message in refused(demo_recording_path, model=path)
    else:
        assert main(["info", str(path)]) == EXIT_USER_ERROR
        printed = capsys.readouterr()
        assert message in printed.err and printed.err.count("\n") == 1 and printed.out == ""


def test_a_tflite_without_contract(refused, tmp_path, demo_model_path, demo_recording_path):
    (tmp_path / "plain.tflite").write_bytes(read_model(demo_model_path).tflite)
    assert "without an img2imu contract" in refused(
        demo_recording_path, model=tmp_path / "plain.tflite"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"schema": 1',
            '"schema": 3',
            "has schema 3, this version reads up to 2: pip install --upgrade img2imu",
        ),
        ('"schema": 1', '"schema": 1, "colour": "red"', "unknown key 'colour'"),
        ('"rate_hz": 50.0', '"rate_hz": 5.0', "stream.rate_hz = 5.0, expected 10 to 400"),
    ],
)
def test_a_contract_that_cannot_be_honoured(
    refused, tmp_path, demo_model_path, demo_recording_path, monkeypatch, old, new, message
):
    file = read_model(demo_model_path)
    text = file.contract.to_json().replace(old, new, 1)
    with monkeypatch.context() as patch:
        patch.setattr(type(file.contract), "to_json", lambda _: text)
        (tmp_path / "other.tflite").write_bytes(pack_model(file.tflite, file.contract, file.golden))
    assert message in refused(demo_recording_path, model=tmp_path / "other.tflite")


def test_a_network_of_other_shapes_than_the_contract_says(
    refused, tmp_path, demo_model_path, demo_recording_path
):
    file = read_model(demo_model_path)
    fewer = dataclasses.replace(file.contract, labels=file.contract.labels[1:])
    golden = dataclasses.replace(file.golden, probabilities=file.golden.probabilities[:, 1:])
    (tmp_path / "other.tflite").write_bytes(pack_model(file.tflite, fewer, golden))
    assert "the network's probabilities are" in refused(
        demo_recording_path, model=tmp_path / "other.tflite"
    )
