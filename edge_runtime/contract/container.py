"""The model file: a valid ``.tflite`` with a zip appended that holds the contract.

A FlatBuffer is read from its start and a zip from its end, so the same bytes are both. TensorFlow
Lite's own model metadata is stored the same way. The reader looks only at the entries it knows,
limits their size, and never unpacks to disk. docs/contract.md lists the entries.
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
from edge_runtime.contract.head import LinearHead
from edge_runtime.contract.spec import Contract, TaughtSpec
from edge_runtime.errors import ContractError

CONTRACT_NAME = "img2imu.json"
LABELS_NAME = "labels.txt"
# SHA-256 of the bytes before the zip. Without it a flipped bit in a weight would go unnoticed, and
# tflite-runtime crashes on some damaged networks.
HASH_NAME = "tflite.sha256"
MAX_FILE_BYTES = 256 << 20
MAX_TEXT_BYTES = 1 << 20
MAX_ARRAY_BYTES = 16 << 20
TFLITE_IDENTIFIER = b"TFL3"  # bytes 4 to 8 of a TensorFlow Lite FlatBuffer
ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # fixed, so that equal models are equal files
# What zipfile raises for damage: a name that is not UTF-8, an offset before the file, a short
# field, ...
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
    """Golden vectors: real windows, and what the front end and the network made of them.

    :func:`edge_runtime.network.verification.golden_vectors` makes them. Each array is an entry
    ``golden/NAME.f32`` of the zip: little-endian float32, row-major, without a header. Their
    number n follows from the size of ``windows``.

    Attributes:
        windows: (n, window_samples, channels) float32, SI units.
        statistics: (n, n_statistics) float32.
        image_samples: (n, n_images, ceil(height / 8), ceil(width / 8), 3) float32, every 8th pixel
            of the images in each direction.
        probabilities: (n, labels) float32, the answers of this model file.
    """

    windows: Float32Array
    statistics: Float32Array
    image_samples: Float32Array
    probabilities: Float32Array

    IMAGE_STRIDE: ClassVar[int] = 8

    @classmethod
    def shapes(cls, contract: Contract) -> dict[str, tuple[int, ...]]:
        """Return the shape of each array without the leading n.

        The number of statistics is -1: the contract only names them.
        """
        front_end = contract.front_end
        height = -(-front_end.image_height // cls.IMAGE_STRIDE)  # rounded up
        width = -(-front_end.image_width // cls.IMAGE_STRIDE)
        return {
            "windows": (contract.window_samples, len(contract.stream.channels)),
            "statistics": (-1,),
            "image_samples": (front_end.n_images, height, width, 3),
            "probabilities": (len(contract.labels),),
        }


@dataclass(frozen=True, eq=False)
class Taught:
    """The arrays of a file that was taught on a device, so that teaching can go on elsewhere.

    Each is an entry ``taught/NAME.f32`` of the zip, float32. The arrays of the head are named
    ``head_mean``, ``head_inverse_std``, ``head_weights`` and ``head_bias``.

    Attributes:
        embeddings: (n, d) float32, of every example, label by label as counted in
            ``TaughtSpec.windows``.
        background: (b, d) float32, of the background windows, in order of time.
        head: fitted on them, with one row per label and then one for the background. None if there
            is nothing to tell apart.
    """

    embeddings: Float32Array
    background: Float32Array
    head: LinearHead | None

    def arrays(self) -> dict[str, Float32Array]:
        """Return the arrays by their names in the file."""
        arrays = {"embeddings": self.embeddings, "background": self.background}
        if self.head is not None:
            for f in fields(LinearHead):
                arrays[f"head_{f.name}"] = getattr(self.head, f.name)
        return arrays

    @staticmethod
    def shapes(spec: TaughtSpec) -> dict[str, tuple[int, ...]]:
        """Return the names in the file and shapes of the arrays that a file has."""
        d = spec.embedding_size
        shapes: dict[str, tuple[int, ...]] = {
            "embeddings": (sum(spec.windows), d),
            "background": (spec.background_windows, d),
        }
        if spec.rows:
            shapes |= {
                "head_mean": (d,),
                "head_inverse_std": (d,),
                "head_weights": (spec.rows, d),
                "head_bias": (spec.rows,),
            }
        return shapes

    @classmethod
    def from_arrays(cls, arrays: dict[str, Float32Array], spec: TaughtSpec) -> Taught:
        """Build from flat arrays by their names in the file.

        Raises:
            ValueError: sizes that the contract does not allow, or values that are not finite.
        """
        shaped = {name: arrays[name].reshape(shape) for name, shape in cls.shapes(spec).items()}
        for name, values in shaped.items():
            if not np.isfinite(values).all():
                raise ValueError(f"{name} holds values that are no numbers")
        head = None
        if spec.rows:
            head = LinearHead(
                **{f.name: shaped[f"head_{f.name}"].astype(np.float64) for f in fields(LinearHead)}
            )
        return cls(shaped["embeddings"], shaped["background"], head)


@dataclass(frozen=True)
class ModelFile:
    """The content of a model file.

    Attributes:
        tflite: the network, a plain ``.tflite``.
        contract: what it takes and gives.
        golden: golden vectors.
        taught: what was taught on a device; None in an exported model.
    """

    tflite: bytes
    contract: Contract
    golden: Golden
    taught: Taught | None = None


def pack_model(
    tflite: bytes, contract: Contract, golden: Golden, taught: Taught | None = None
) -> bytes:
    """Return the bytes of a model file."""
    entries = {
        CONTRACT_NAME: contract.to_json().encode(),
        LABELS_NAME: ("\n".join(contract.labels) + "\n").encode(),
        HASH_NAME: hashlib.sha256(tflite).hexdigest().encode(),
    }
    for f in fields(Golden):
        entries[_golden_name(f.name)] = _to_bytes(getattr(golden, f.name))
    if taught is not None:
        for name, values in taught.arrays().items():
            entries[_taught_name(name)] = _to_bytes(values)
    appended = io.BytesIO()
    with zipfile.ZipFile(appended, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), content, zipfile.ZIP_DEFLATED)
    return tflite + appended.getvalue()


def read_model(path: str | os.PathLike[str]) -> ModelFile:
    """Read and validate a model file.

    Raises:
        ContractError: the file is missing, not a ``.tflite``, without a contract, damaged, or of a
            newer schema.
    """
    path = Path(path)
    content = _read_file(path)
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except _DAMAGE as error:
        raise ContractError(
            f"{path} is a .tflite without an img2imu contract, or one that was cut short: give a "
            "file written by img2imu export, copied whole"
        ) from error
    with archive:
        contract_json = _read_entry(archive, CONTRACT_NAME, MAX_TEXT_BYTES, path)
        golden_entries = {
            f.name: _read_entry(archive, _golden_name(f.name), MAX_ARRAY_BYTES, path)
            for f in fields(Golden)
        }
        digest = _read_entry(archive, HASH_NAME, MAX_TEXT_BYTES, path)
        tflite = content[: min(info.header_offset for info in archive.infolist())]
        contract = Contract.from_json(_decode(contract_json, path))
        taught = None
        if contract.taught is not None:
            taught = _read_taught(archive, contract.taught, path)
    if hashlib.sha256(tflite).hexdigest().encode() != digest:
        raise ContractError(
            f"{path} is damaged (the network is not the one that was exported): copy or export the "
            "model again"
        )
    return ModelFile(tflite, contract, _parse_golden(golden_entries, contract, path), taught)


def _read_file(path: Path) -> bytes:
    """Read a file whole if it looks like a ``.tflite`` and is not too large."""
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
    return content


def _read_entry(archive: zipfile.ZipFile, name: str, limit: int, path: Path) -> bytes:
    """Read one entry of the zip. Its length is checked while reading, since a header can lie."""
    try:
        # other compressions unpack without a limit
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
            f"{path} holds a {name} of more than {limit} bytes, expected less: export the model "
            "again"
        )
    return content


def _decode(content: bytes, path: Path) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ContractError(
            f"{path} is damaged ({CONTRACT_NAME} is not UTF-8 text): export the model again"
        ) from error


def _parse_golden(entries: dict[str, bytes], contract: Contract, path: Path) -> Golden:
    shapes = Golden.shapes(contract)
    window_samples, channels = shapes["windows"]
    n = len(entries["windows"]) // (4 * window_samples * channels)
    try:
        if n == 0:
            raise ValueError("no window")
        return Golden(
            **{
                name: _from_bytes(content).reshape(n, *shapes[name])
                for name, content in entries.items()
            }
        )
    except ValueError as error:
        raise ContractError(
            f"{path} holds golden vectors that do not fit its contract ({error}): export the model "
            "again"
        ) from error


def _read_taught(archive: zipfile.ZipFile, spec: TaughtSpec, path: Path) -> Taught:
    entries = {
        name: _read_entry(archive, _taught_name(name), MAX_ARRAY_BYTES, path)
        for name in Taught.shapes(spec)
    }
    try:
        return Taught.from_arrays(
            {name: _from_bytes(content) for name, content in entries.items()}, spec
        )
    except ValueError as error:
        raise ContractError(
            f"{path} holds taught examples that do not fit its contract ({error}): copy the file "
            "again, or teach it again"
        ) from error


def _golden_name(field_name: str) -> str:
    return f"golden/{field_name}.f32"


def _taught_name(array_name: str) -> str:
    return f"taught/{array_name}.f32"


def _to_bytes(values: npt.NDArray[np.floating[Any]]) -> bytes:
    return np.ascontiguousarray(values, "<f4").tobytes()


def _from_bytes(content: bytes) -> Float32Array:
    return np.frombuffer(content, "<f4").astype(np.float32)
