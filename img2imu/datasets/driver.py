"""Aggressive driving manoeuvres on four trips, phone on the windscreen, in the Earth's frame."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError
from img2imu.data_set import NO_LABEL, Clock, DataSet, LabelledRecording
from img2imu.datasets.archive import Archive
from img2imu.datasets.raw import join_sensors, labelled_pieces

RATE_HZ = 50.0  # the accelerometer's; the gyroscope is faster on some trips
EVENTS = (
    "aceleracao_agressiva",
    "curva_direita_agressiva",
    "curva_esquerda_agressiva",
    "evento_nao_agressivo",
    "freada_agressiva",
    "troca_faixa_direita_agressiva",
    "troca_faixa_esquerda_agressiva",
)
LICENCE = ""  # the repository states none
CITATION = (
    "J. Ferreira Júnior, E. Carvalho, B. V. Ferreira, C. de Souza, Y. Suhara, A. Pentland, "
    "G. Pessin: Driver behavior profiling: an investigation with different smartphone sensors and "
    "machine learning. PLoS ONE 12 (2017) e0174959"
)


def load_driver(place: Path) -> DataSet:
    """Read ``data/`` as the repository's README describes it.

    ``17/acelerometro_terra.csv`` and ``17/giroscopio_terra.csv`` have the columns
    ``timestamp,uptimeNanos,x,y,z``: acceleration in m/s^2 with gravity along z, angular rate in
    rad/s. ``17/groundTruth.csv`` has ``evento, inicio, fim``, in seconds since
    ``firstCollectionUptimeNanos`` of ``17/viagem.json``. The subject is the trip. The README does
    not say which of the two drivers drove.

    Args:
        place: the repository's zip, or a folder.

    Raises:
        DataError: a file is missing or damaged.
    """
    recordings: list[LabelledRecording] = []
    clocks = []
    with Archive(place) as files:
        for acc_name, match in files.walk(r"(\d+)/acelerometro_terra\.csv"):
            trip = match[1]
            gyro_name = files.find(rf"{trip}/giroscopio_terra\.csv")
            truth_name = files.find(rf"{trip}/groundTruth\.csv")
            start_ns = _read_start_ns(files, files.find(rf"{trip}/viagem\.json"))
            times_s, acc = _read_sensor(files, acc_name, start_ns)
            gyro_times_s, gyro = _read_sensor(files, gyro_name, start_ns)
            clocks.append(Clock(f"trip {trip}", times_s))
            kept, samples = join_sensors(times_s, acc, gyro_times_s, gyro)
            labels = _read_labels(files, truth_name, times_s[kept])
            recordings += labelled_pieces(
                f"trip {trip}", trip, times_s[kept], samples, labels, RATE_HZ
            )
    return DataSet(
        name="driver",
        licence=LICENCE,
        citation=CITATION,
        rate_hz=RATE_HZ,
        channels=CHANNELS,
        label_names=EVENTS,
        recordings=tuple(recordings),
        clocks=tuple(clocks),
    )


def _read_start_ns(files: Archive, name: str) -> int:
    try:
        with files.open(name) as file:
            return int(json.load(file)["firstCollectionUptimeNanos"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{name} in {files.place} does not say when the trip began ({error}): get the data set "
            "again"
        ) from error


def _read_sensor(files: Archive, name: str, start_ns: int) -> tuple[Float64Array, Float32Array]:
    """Return times (n,) in seconds since the trip began, and values (n, 3)."""
    dtype = np.dtype([("time_ns", "i8"), ("x", "f8"), ("y", "f8"), ("z", "f8")])
    rows = files.read_table(name, dtype=dtype, delimiter=",", skiprows=1, usecols=(1, 2, 3, 4))
    times_s = (rows["time_ns"] - start_ns) / 1e9
    values = np.column_stack([rows["x"], rows["y"], rows["z"]]).astype(np.float32)
    return times_s, values


def _read_labels(files: Archive, name: str, times_s: Float64Array) -> npt.NDArray[np.int16]:
    labels = np.full(len(times_s), NO_LABEL, np.int16)
    with files.open(name) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        for row in list(csv.reader(text))[1:]:
            try:
                event = row[0].strip()
                begin_s = float(row[1])
                end_s = float(row[2])
                labels[(times_s >= begin_s) & (times_s < end_s)] = EVENTS.index(event)
            except (ValueError, IndexError) as error:
                raise DataError(
                    f"{name} has the line {','.join(row)!r}, expected one of {', '.join(EVENTS)}, "
                    "its begin and its end: get the data set again"
                ) from error
    return labels
