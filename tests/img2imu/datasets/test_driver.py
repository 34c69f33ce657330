"""Tiny files in the layout that the README of the published repository describes."""

import json

import numpy as np
import pytest

from edge_runtime.errors import DataError
from img2imu.datasets.driver import load_driver

START_NS = 12892910069993
FOLDER = "driverBehaviorDataset-b65118d/data"
TRUTH = "evento, inicio, fim\nfreada_agressiva,2,4.5\nevento_nao_agressivo,6,7\n"


def wave(times_s):
    return np.sin(np.asarray(times_s)[:, None] + np.arange(3)) + np.array([0, 0, 9.8])


def sensor(times_s):
    return "timestamp,uptimeNanos,x,y,z\n" + "".join(
        f"14/05/2016 11:17:09,{START_NS + round(t * 1e9)},{x},{y},{z}\n"
        for t, (x, y, z) in zip(times_s, wave(times_s), strict=True)
    )


def trip(number, truth=TRUTH, start=START_NS):
    return {
        f"{FOLDER}/{number}/acelerometro_terra.csv": sensor(np.arange(0.32, 10, 0.0196)),
        f"{FOLDER}/{number}/giroscopio_terra.csv": sensor(np.arange(0.3, 10.1, 0.0051)),
        f"{FOLDER}/{number}/aceleracaoLinear_terra.csv": "not read",
        f"{FOLDER}/{number}/groundTruth.csv": truth,
        f"{FOLDER}/{number}/viagem.json": json.dumps({"firstCollectionUptimeNanos": start}),
    }


@pytest.mark.parametrize("how", ["folder", "zip"])
def test_the_published_layout(published, how):
    data_set = load_driver(published(trip(16) | trip(20), how))
    assert [recording.subject for recording in data_set.recordings] == ["16", "20"]
    first = data_set.recordings[0]
    times_s = 0.32 + np.arange(len(first.samples)) / 50
    assert np.abs(first.samples - np.hstack([wave(times_s)] * 2)).max() < 1e-3
    for name, begin_s, end_s in (("freada_agressiva", 2, 4.5), ("evento_nao_agressivo", 6, 7)):
        when = times_s[first.labels == data_set.label_names.index(name)]
        assert np.allclose([when[0], when[-1]], [begin_s, end_s], atol=0.03)
    assert np.mean(first.labels >= 0) == pytest.approx(3.5 / (times_s[-1] - times_s[0]), abs=0.01)
    assert np.allclose(np.diff(data_set.clocks[0].times_s), 0.0196)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            trip(1, "evento, inicio, fim\nsalto,2,3\n"),
            "has the line 'salto,2,3', expected one of aceleracao",
        ),
        (trip(1, "evento, inicio, fim\nfreada_agressiva,2\n"), "has the line 'freada_agressiva,2'"),
        (trip(1, start="soon"), "viagem.json in .* does not say when the trip began"),
    ],
)
def test_other_files(published, files, message):
    with pytest.raises(DataError, match=message):
        load_driver(published(files, "zip"))
