from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.contract.container import read_model
from edge_runtime.errors import ContractError
from edge_runtime.frontend import FrontEnd
from edge_runtime.network.verification import DIFFERENT, IDENTICAL, WITHIN, verify


@pytest.fixture(scope="module")
def file(demo_model_path):
    return read_model(demo_model_path)


def changed(file, name, change):
    values = getattr(file.golden, name).copy()
    values.flat[7] += change
    return replace(file, golden=replace(file.golden, **{name: values}))


def verdicts(file):
    found = verify(file)
    return found.verdict, {part.name: part.verdict for part in found.parts}


def test_the_bundled_model_answers_here_as_where_it_was_made(file):
    found = verify(file)
    assert found.verdict in (
        IDENTICAL,
        WITHIN,
    )  # another processor may round the last bit otherwise
    assert [part.name for part in found.parts] == ["images", "statistics", "probabilities"]
    assert found.windows == len(file.golden.windows)
    assert found.runtime and found.cpu and found.delegate


@pytest.mark.parametrize(
    ("name", "part"),
    [("image_samples", "images"), ("statistics", "statistics"), ("probabilities", "probabilities")],
)
@pytest.mark.parametrize(
    ("change", "verdict"), [(5e-5, WITHIN), (0.1, DIFFERENT), (np.nan, DIFFERENT)]
)
def test_a_change_is_seen_where_it_is(file, name, part, change, verdict):
    worst, parts = verdicts(changed(file, name, change))
    assert worst == parts[part] == verdict
    assert DIFFERENT not in {found for other, found in parts.items() if other != part}


def test_large_statistics_are_held_to_their_own_size(file):
    """Counts of a thousand cannot agree to a ten thousandth in float32."""
    windows = file.golden.windows * 1000
    statistics = FrontEnd.of(file.contract).compute_batch(windows).statistics * np.float32(1 + 2e-5)
    assert (
        np.abs(statistics).max() * 2e-5 > 1e-3
    )  # far beyond the tolerance, were it one of the difference itself
    scaled = replace(file, golden=replace(file.golden, windows=windows, statistics=statistics))
    assert {part.name: part for part in verify(scaled).parts}["statistics"].verdict in (
        IDENTICAL,
        WITHIN,
    )


def test_golden_statistics_of_another_number_are_refused(file, is_sentence):
    odd = replace(file, golden=replace(file.golden, statistics=file.golden.statistics[:, :-1]))
    with pytest.raises(ContractError, match="golden statistics have the shape") as caught:
        verify(odd)
    assert is_sentence(str(caught.value))
