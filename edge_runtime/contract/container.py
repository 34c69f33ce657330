"""One file for everything: a valid ``.tflite`` with a zip appended that holds the contract.

A FlatBuffer is read from its start and a zip from its end, so the same bytes are both; TensorFlow
Lite's own model metadata travels this way. The reader takes only the names it knows, bounded in
size, and never unpacks to disk.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import Contract
from edge_runtime.contract.taught import Taught, TaughtSpec
from edge_runtime.errors import ContractError

CONTRACT_NAME = "img2imu.json"
LABELS_NAME = "labels.txt"
# Of the bytes before the zip: a flipped bit in a weight would pass for a model, and tflite-runtime
# crashes on some.
HASH_NAME = "tflite.sha256"
MAX_FILE_BYTES = 256 << 20
MAX_TEXT_BYTES = 1 << 20
MAX_ARRAY_BYTES = 16 << 20
TFLITE_IDENTIFIER = b"TFL3"  # bytes 4 to 8 of a TensorFlow Lite FlatBuffer
# what zipfile raises at one damage or another: a name that is not UTF-8, an offset before the file,
# a short field, ...
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    OverflowError,
)


@dataclass(frozen=True)
class Golden:
    """Real windows and what the model answered to them when it was exported.

    Each array is an entry ``golden/NAME.f32`` of the zip: little-endian float32, row-major, no
    header; n follows from the size of ``windows``.

    Attributes:
        windows: (n, window_samples, channels) float32, SI units.
        statistics: (n, n_statistics) float32, the front end's numbers beside the images.
        image_samples: (n, n_images, ceil(height / 8), ceil(width / 8), 3) float32, every 8th pixel
            of the images.
        probabilities: (n, labels) float32, what this model file answered.
    """

    windows: Float32Array
    statistics: Float32Array
    image_samples: Float32Array
    probabilities: Float32Array

    IMAGE_STRIDE: ClassVar[int] = 8


@dataclass(frozen=True)
class ModelFile:
    """What a model file holds; :class:`Taught` when it was taught on a device."""

    tflite: bytes
    contract: Contract
    golden: Golden
    taught: Taught | None = None


def pack_model(
    tflite: bytes, contract: Contract, golden: Golden, taught: Taught | None = None
) -> bytes:
    """The bytes of a model file."""
    entries = {
        CONTRACT_NAME: contract.to_json().encode(),
        LABELS_NAME: ("\n".join(contract.labels) + "\n").encode(),
        HASH_NAME: hashlib.sha256(tflite).hexdigest().encode(),
    }
    for f in fields(Golden):
        entries[_golden_name(f.name)] = _as_bytes(getattr(golden, f.name))
    for name, values in taught.arrays().items() if taught is not None else ():
        entries[_taught_name(name)] = _as_bytes(values)
    appended = io.BytesIO()
    with zipfile.ZipFile(appended, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            # a fixed date, so that equal models are equal files
            archive.writestr(
                zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED
            )
    return tflite + appended.getvalue()


def read_model(path: str | os.PathLike[str]) -> ModelFile:
    """Read and validate a model file.

    Raises:
        ContractError: the file is missing, no ``.tflite``, without contract, damaged, or of a newer
        schema.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(8)
            size = os.fstat(file.fileno()).st_size
            if content[4:8] == TFLITE_IDENTIFIER and size <= MAX_FILE_BYTES:
                content += file.read()
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or error
        raise ContractError(
            f"cannot read the model file {path}: {reason}; check the path"
        ) from error
    if content[4:8] != TFLITE_IDENTIFIER:
        raise ContractError(
            f"{path} is not a .tflite model (bytes 4 to 8 are {content[4:8]!r}, expected "
            f"{TFLITE_IDENTIFIER!r}): give a file written by img2imu export"
        )
    if size > MAX_FILE_BYTES:
        raise ContractError(
            f"{path} has {size} bytes, expected {MAX_FILE_BYTES} at most: give a file written by "
            "img2imu export"
        )
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except _DAMAGE as error:
        raise ContractError(
            f"{path} is a .tflite without an img2imu contract, or one that was cut short: give a "
            "file written by img2imu export, copied whole"
        ) from error
    with archive:
        text = _entry(archive, CONTRACT_NAME, MAX_TEXT_BYTES, path)
        arrays = {
            f.name: _entry(archive, _golden_name(f.name), MAX_ARRAY_BYTES, path)
            for f in fields(Golden)
        }
        digest = _entry(archive, HASH_NAME, MAX_TEXT_BYTES, path)
        tflite = content[: min(info.header_offset for info in archive.infolist())]
        contract = Contract.from_json(_decode(text, path))
        taught = None if contract.taught is None else _taught(archive, contract.taught, path)
    if hashlib.sha256(tflite).hexdigest().encode() != digest:
        raise ContractError(
            f"{path} is damaged (the network is not the one that was exported): copy or export the "
            "model again"
        )
    return ModelFile(tflite, contract, _golden(arrays, contract, path), taught)


def _golden_name(field_name: str) -> str:
    return f"golden/{field_name}.f32"


def _taught_name(name: str) -> str:
    return f"taught/{name}.f32"


def _as_bytes(values: npt.NDArray[np.floating[Any]]) -> bytes:
    return np.ascontiguousarray(values, "<f4").tobytes()


def _entry(archive: zipfile.ZipFile, name: str, limit: int, path: Path) -> bytes:
    """One known entry of the zip; the length is checked while reading, since a header can lie."""
    try:
        # other compressions unpack without a bound
        if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise zipfile.BadZipFile("neither stored nor deflated")
        with archive.open(name) as entry:
            content = entry.read(limit + 1)
    except KeyError as error:
        raise ContractError(
            f"{path} is a .tflite without an img2imu contract ({name} is missing in its zip): give "
            "a file written by img2imu export"
        ) from error
    except _DAMAGE as error:
        raise ContractError(
            f"{path} is damaged ({name}: {error}): copy or export the model again"
        ) from error
    if len(content) > limit:
        raise ContractError(
            f"{path} holds a {name} of more than {limit} bytes, expected less: export the model again"
        )
    return content


def _decode(content: bytes, path: Path) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ContractError(
            f"{path} is damaged ({CONTRACT_NAME} is not UTF-8 text): export the model again"
        ) from error


def _golden(arrays: dict[str, bytes], contract: Contract, path: Path) -> Golden:
    front = contract.front_end
    rows, columns = (
        -(-pixels // Golden.IMAGE_STRIDE) for pixels in (front.image_height, front.image_width)
    )
    shapes = {
        "windows": (contract.window_samples, len(contract.stream.channels)),
        "statistics": (-1,),
        "image_samples": (front.n_images, rows, columns, 3),
        "probabilities": (len(contract.labels),),
    }
    n = len(arrays["windows"]) // (4 * contract.window_samples * len(contract.stream.channels))
    try:
        if n == 0:
            raise ValueError("no window")
        return Golden(
            **{
                name: np.frombuffer(content, "<f4").reshape(n, *shapes[name]).astype(np.float32)
                for name, content in arrays.items()
            }
        )
    except ValueError as error:
        raise ContractError(
            f"{path} holds golden vectors that do not fit its contract ({error}): export the model "
            "again"
        ) from error


def _taught(archive: zipfile.ZipFile, spec: TaughtSpec, path: Path) -> Taught:
    entries = {
        name: _entry(archive, _taught_name(name), MAX_ARRAY_BYTES, path)
        for name in Taught.names(spec)
    }
    try:
        return Taught.from_arrays(
            {
                name: np.frombuffer(content, "<f4").astype(np.float32)
                for name, content in entries.items()
            },
            spec,
        )
    except ValueError as error:
        raise ContractError(
            f"{path} holds taught examples that do not fit its contract ({error}): copy the file "
            "again, or teach anew"
        ) from error
