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
from img2imu.datasets.archive import Archive
from img2imu.datasets.data_set import NO_LABEL, Clock, DataSet, LabelledRecording
from img2imu.datasets.raw_time import join_sensors, labelled_pieces

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
    "J. Ferreira Júnior, E. Carvalho, B. V. Ferreira, C. de Souza, Y. Suhara, A. Pentland, G. Pessin: Driver "
    "behavior profiling: an investigation with different smartphone sensors and machine learning. PLoS ONE "
    "12 (2017) e0174959"
)


def load_driver(place: Path) -> DataSet:
    """Read ``data/`` as the repository's README describes it.

    ``17/acelerometro_terra.csv`` and ``17/giroscopio_terra.csv`` have
    ``timestamp,uptimeNanos,x,y,z``, acceleration in m/s^2 with gravity along z, angular rate in
    rad/s; ``17/groundTruth.csv`` has ``evento, inicio, fim``, in seconds since
    ``firstCollectionUptimeNanos`` of ``17/viagem.json``. The subject is the trip; who of the two
    drivers drove is not said.

    Args:
        place: the repository's zip, or a folder.

    Raises:
        DataError: a file is missing or damaged.
    """
    recordings: list[LabelledRecording] = []
    clocks = []
    with Archive(place) as files:
        for acc_name, match in files.each(r"(\d+)/acelerometro_terra\.csv"):
            trip = match[1]
            start_ns = _start_ns(files, files.one(rf"{trip}/viagem\.json"))
            times_s, acc = _read_sensor(files, acc_name, start_ns)
            gyro_s, gyro = _read_sensor(
                files, files.one(rf"{trip}/giroscopio_terra\.csv"), start_ns
            )
            clocks.append(Clock(f"trip {trip}", times_s))
            kept, samples = join_sensors(times_s, acc, gyro_s, gyro)
            labels = _labels(files, files.one(rf"{trip}/groundTruth\.csv"), times_s[kept])
            recordings += labelled_pieces(
                f"trip {trip}", trip, times_s[kept], samples, labels, RATE_HZ
            )
    return DataSet(
        "driver", LICENCE, CITATION, RATE_HZ, CHANNELS, EVENTS, tuple(recordings), tuple(clocks)
    )


def _start_ns(files: Archive, name: str) -> int:
    try:
        with files.open(name) as file:
            return int(json.load(file)["firstCollectionUptimeNanos"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{name} in {files.place} does not say when the trip began ({error}): get the data set "
            "again"
        ) from error


def _read_sensor(files: Archive, name: str, start_ns: int) -> tuple[Float64Array, Float32Array]:
    """Times (n,) in seconds since the trip began, values (n, 3)."""
    dtype = np.dtype([("time_ns", "i8"), ("x", "f8"), ("y", "f8"), ("z", "f8")])
    rows = files.numbers(name, dtype=dtype, delimiter=",", skiprows=1, usecols=(1, 2, 3, 4))
    return (rows["time_ns"] - start_ns) / 1e9, np.column_stack(
        [rows["x"], rows["y"], rows["z"]]
    ).astype(np.float32)


def _labels(files: Archive, name: str, times_s: Float64Array) -> npt.NDArray[np.int16]:
    labels = np.full(len(times_s), NO_LABEL, np.int16)
    with files.open(name) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        for row in list(csv.reader(text))[1:]:
            try:
                event, begin_s, end_s = row[0].strip(), float(row[1]), float(row[2])
                labels[(times_s >= begin_s) & (times_s < end_s)] = EVENTS.index(event)
            except (ValueError, IndexError) as error:
                raise DataError(
                    f"{name} has the line {','.join(row)!r}, expected one of {', '.join(EVENTS)}, its "
                    "begin and its end: get the data set again"
                ) from error
    return labels
