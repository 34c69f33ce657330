from dataclasses import fields, replace

import numpy as np
import pytest

from edge_runtime.contract.container import Golden, read_model
from edge_runtime.errors import ContractError
from edge_runtime.frontend import Features, FrontEnd
from edge_runtime.network.interpreter import Model
from edge_runtime.network.verification import (
    DIFFERENT,
    GOLDEN_STEP,
    IDENTICAL,
    WITHIN,
    golden_vectors,
    round_to_golden_step,
    verify,
)


@pytest.fixture(scope="module")
def file(demo_model_path):
    return read_model(demo_model_path)


@pytest.fixture(scope="module")
def features(file):
    return FrontEnd.of(file.contract).compute_batch(file.golden.windows)


def test_golden_statistics_are_reproduced(file, features):
    assert features.statistics.shape == file.golden.statistics.shape
    np.testing.assert_allclose(features.statistics, file.golden.statistics, rtol=1e-5, atol=1e-5)


def test_golden_image_samples_are_reproduced(file, features):
    samples = features.images[:, :, :: Golden.IMAGE_STRIDE, :: Golden.IMAGE_STRIDE]
    assert samples.shape == file.golden.image_samples.shape
    np.testing.assert_allclose(samples, file.golden.image_samples, rtol=0, atol=1e-5)


def test_golden_probabilities_are_reproduced(file, features):
    model = Model(file.tflite, file.contract)
    expected_answers = file.golden.probabilities
    for images, statistics, expected in zip(
        features.images, features.statistics, expected_answers, strict=True
    ):
        probabilities, _ = model.infer(Features(images, statistics))
        np.testing.assert_allclose(probabilities, expected, rtol=0, atol=0.02)
        assert probabilities.argmax() == expected.argmax()


def test_golden_windows_differ(file):
    golden = file.golden
    n = len(golden.windows)
    assert n >= 2
    assert len(np.unique(golden.windows.reshape(n, -1), axis=0)) == n
    # a model that always gives the same answer would pass the other tests
    assert np.ptp(golden.probabilities, axis=0).max() > 0.1


def test_golden_vectors_are_what_the_file_answers_here(file):
    model = Model.of(file)
    made = golden_vectors(file.golden.windows, file.contract, model)
    assert verify(replace(file, golden=made)).verdict == IDENTICAL
    assert {f.name: getattr(made, f.name).shape[1:] for f in fields(Golden)} == {
        **Golden.shapes(file.contract),
        "statistics": made.statistics.shape[1:],
    }


def test_without_a_model_the_golden_probabilities_are_zero(file):
    made = golden_vectors(file.golden.windows, file.contract, None)
    assert made.probabilities.shape == file.golden.probabilities.shape
    assert not made.probabilities.any()


def test_rounded_windows_are_whole_steps_and_near():
    windows = np.random.default_rng(0).normal(0, 10, (2, 30, 3)).astype(np.float32)
    rounded = round_to_golden_step(windows)
    assert rounded.dtype == np.float32
    assert (rounded / GOLDEN_STEP % 1 == 0).all()
    assert np.abs(rounded - windows).max() <= GOLDEN_STEP / 2


def changed(file, name, change):
    values = getattr(file.golden, name).copy()
    values.flat[7] += change
    return replace(file, golden=replace(file.golden, **{name: values}))


def verdicts(file):
    verification = verify(file)
    return verification.verdict, {part.name: part.verdict for part in verification.parts}


def test_the_bundled_model_answers_here_as_where_it_was_made(file):
    verification = verify(file)
    # another processor may round the last bit differently
    assert verification.verdict in (IDENTICAL, WITHIN)
    assert [part.name for part in verification.parts] == ["images", "statistics", "probabilities"]
    assert verification.windows == len(file.golden.windows)
    assert verification.runtime and verification.cpu and verification.delegate


@pytest.mark.parametrize(
    ("name", "part"),
    [("image_samples", "images"), ("statistics", "statistics"), ("probabilities", "probabilities")],
)
@pytest.mark.parametrize(
    ("change", "verdict"), [(5e-5, WITHIN), (0.1, DIFFERENT), (np.nan, DIFFERENT)]
)
def test_a_change_shows_in_the_part_that_changed(file, name, part, change, verdict):
    worst, parts = verdicts(changed(file, name, change))
    assert worst == parts[part] == verdict
    assert DIFFERENT not in {verdict for name, verdict in parts.items() if name != part}


def test_the_tolerance_of_large_statistics_is_relative(file):
    """Counts of a thousand cannot agree to a ten thousandth in float32."""
    windows = file.golden.windows * 1000
    statistics = FrontEnd.of(file.contract).compute_batch(windows).statistics * np.float32(1 + 2e-5)
    # far above the tolerance, if it were absolute
    assert np.abs(statistics).max() * 2e-5 > 1e-3
    scaled = replace(file, golden=replace(file.golden, windows=windows, statistics=statistics))
    assert {part.name: part for part in verify(scaled).parts}["statistics"].verdict in (
        IDENTICAL,
        WITHIN,
    )


def test_a_wrong_number_of_golden_statistics_is_refused(file, is_sentence):
    odd = replace(file, golden=replace(file.golden, statistics=file.golden.statistics[:, :-1]))
    with pytest.raises(ContractError, match="golden statistics have the shape") as caught:
        verify(odd)
    assert is_sentence(str(caught.value))
