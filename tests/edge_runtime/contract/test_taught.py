import dataclasses
import json

import numpy as np
import pytest
from edge_runtime.contract.taught import Taught, TaughtSpec

from edge_runtime.contract.head import LinearHead
from edge_runtime.contract.spec import SCHEMA, TAUGHT_SCHEMA, Contract
from edge_runtime.errors import ContractError

SPEC = TaughtSpec((3, 2), (2, 1), 4, 9.5, 0.25, None)


@pytest.fixture
def contract(make_contract):
    plain = make_contract(labels=("jab", "nod", "rest"))
    return dataclasses.replace(plain, schema=TAUGHT_SCHEMA, labels=("jab", "nod"), taught=SPEC)


def arrays(rows=3):
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


def test_what_was_taught_survives_json(contract):
    assert Contract.from_json(contract.to_json()) == contract
    document = json.loads(contract.to_json())
    assert document["schema"] == 2 and document["taught"]["windows"] == [2, 1]


def test_an_exported_contract_does_not_mention_it(make_contract):
    document = json.loads(make_contract().to_json())
    assert (
        "taught" not in document and document["schema"] == SCHEMA
    )  # runtimes of before can read it


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 1}, "schema = 1, expected 1, or 2 with taught"),
        ({"taught": None}, "schema"),
        ({"labels": ("jab",)}, r"taught.windows = \(2, 1\), expected 1 numbers"),
        ({"taught": dataclasses.replace(SPEC, windows=(2, 0))}, "taught.windows"),
        ({"taught": dataclasses.replace(SPEC, blocks=())}, "taught.blocks"),
        ({"taught": dataclasses.replace(SPEC, blocks=(0, 5))}, "taught.blocks"),
        ({"taught": dataclasses.replace(SPEC, background_windows=-1)}, "taught.background_windows"),
        ({"taught": dataclasses.replace(SPEC, background_s=-1.0)}, "taught.background_s"),
        ({"taught": dataclasses.replace(SPEC, missed=1.5)}, "taught.missed"),
        (
            {"taught": dataclasses.replace(SPEC, false_triggers_per_hour=-1.0)},
            "taught.false_triggers_per_hour",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(contract, is_sentence, changes, message):
    with pytest.raises(ContractError, match=message) as caught:
        dataclasses.replace(contract, **changes)
    assert is_sentence(str(caught.value))


def test_schema_two_needs_something_taught(make_contract):
    with pytest.raises(ContractError, match="schema = 2"):
        dataclasses.replace(make_contract(), schema=TAUGHT_SCHEMA)


def test_no_label_and_one_label_are_enough_for_what_is_taught(contract):
    alone = dataclasses.replace(
        contract, labels=("jab",), taught=dataclasses.replace(SPEC, windows=(2,))
    )
    assert alone.taught.rows == 2  # and the background
    nothing = dataclasses.replace(contract, labels=(), taught=dataclasses.replace(SPEC, windows=()))
    assert nothing.taught.rows == 0
    assert dataclasses.replace(SPEC, windows=(2,), background_windows=0).rows == 0


def test_arrays_there_and_back():
    given = arrays()
    taught = Taught.from_arrays({name: values.ravel() for name, values in given.items()}, SPEC)
    assert isinstance(taught.head, LinearHead)
    assert set(taught.arrays()) == set(given) == set(Taught.names(SPEC))
    for name, values in taught.arrays().items():
        np.testing.assert_array_equal(values, given[name])


@pytest.mark.parametrize(
    "name", ["embeddings", "background", "head_weights", "head_bias", "head_mean"]
)
def test_sizes_and_numbers_must_fit(name):
    for spoil in (
        lambda v: v.ravel()[:-1],
        lambda v: np.append(v.ravel(), 0),
        lambda v: v * np.inf,
    ):
        given = {key: values.ravel() for key, values in arrays().items()}
        given[name] = spoil(given[name])
        with pytest.raises(ValueError), np.errstate(invalid="ignore"):
            Taught.from_arrays(given, SPEC)
