import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.contract.spec import (
    SCHEMA,
    TAUGHT_SCHEMA,
    Contract,
    DecisionSpec,
    SpectrogramSpec,
    StreamSpec,
    TaughtSpec,
)
from edge_runtime.errors import ContractError


def leaves(document, path=()):
    """Yield the path of every value in a JSON document, containers included."""
    yield path
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        if isinstance(value, (dict, list)):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


def with_value(document, path, value):
    """Return a copy with another value at ``path``."""
    if not path:
        return value
    copy = document.copy()
    copy[path[0]] = with_value(document[path[0]], path[1:], value)
    return copy


@pytest.mark.parametrize("channels", [1, 3, 6])
@pytest.mark.parametrize("labels", [("a", "b"), ("体操", "Übung №2", "🏊 vrij", "می‌دود")])
def test_the_document_is_read_back_as_it_was(make_contract, channels, labels):
    contract = make_contract(channels, labels=labels, rate_hz=33.3)
    assert Contract.from_json(contract.to_json()) == contract
    assert Contract.from_json(contract.to_json().encode().decode()) == contract


# Place in the document, a wrong value, and the words that name the place in the message.
WRONG_VALUES = [
    ("stream.channels", [], "stream.channels"),
    ("stream.channels", ["acc_x", "acc_y"], "stream.channels"),
    ("stream.channels", ["acc_x"] * 3, "stream.channels"),
    ("stream.channels", ["acc_x", "acc_y", "mag_z"], "stream.channels"),
    ("stream.rate_hz", 9.9, "stream.rate_hz"),
    ("stream.rate_hz", 401, "stream.rate_hz"),
    ("stream.gravity", "maybe", "stream.gravity"),
    ("stream.rate_tolerance", 0, "stream.rate_tolerance"),
    ("stream.rate_tolerance", 1, "stream.rate_tolerance"),
    ("stream.max_gap_s", 0, "stream.max_gap_s"),
    ("stream.max_gap_s", 0.039, "stream.max_gap_s"),
    ("stream.max_gap_s", 1e9, "stream.max_gap_s"),
    ("window_samples", 15, "window_samples"),
    ("window_samples", 10**9, "window_samples"),
    ("hop_samples", 0, "hop_samples"),
    ("hop_samples", 6, "hop_samples"),
    ("hop_samples", 4 * 10**9, "hop_samples"),
    ("front_end.spectrograms", [], "front_end.spectrograms"),
    ("front_end.spectrograms", [{"fft_samples": 33, "step_samples": 4}], "front_end.spectrograms"),
    ("front_end.spectrograms", [{"fft_samples": 1, "step_samples": 4}], "front_end.spectrograms"),
    ("front_end.spectrograms", [{"fft_samples": 8, "step_samples": 0}], "front_end.spectrograms"),
    (
        "front_end.spectrograms",
        [{"fft_samples": 8, "step_samples": 4}] * 17,
        "front_end.spectrograms",
    ),
    ("front_end.frequency_knee_hz", 0, "front_end.frequency_knee_hz"),
    ("front_end.frequency_knee_hz", 1e300, "front_end.frequency_knee_hz"),
    ("front_end.image_height", 0, "front_end.image_height"),
    ("front_end.image_width", 1025, "image_width"),
    ("front_end.image_channels", [], "front_end.image_channels"),
    ("front_end.image_channels", [[0, 1]], "front_end.image_channels"),
    ("front_end.image_channels", [[0, 1, 6]], "front_end.image_channels"),
    ("front_end.image_channels", [[0, 1, -1]], "front_end.image_channels"),
    ("front_end.min_db", [-60] * 5, "front_end.min_db"),
    ("front_end.min_db", [40] * 6, "front_end.min_db"),
    ("front_end.min_db", [-1e308] * 6, "front_end.min_db"),
    ("front_end.max_db", [1e308] * 6, "max_db"),
    ("front_end.statistics", [], "front_end.statistics"),
    ("labels", ["alone"], "labels"),
    ("labels", ["twice", "twice"], "labels"),
    ("labels", ["blank", " "], "labels"),
    ("labels", ["one", "two\nlines"], "labels"),
    ("labels", ["one", "\x1b[2Jclears the screen"], "labels"),
    ("decision.smoothing_windows", 0, "decision.smoothing_windows"),
    ("decision.smoothing_windows", 1001, "decision.smoothing_windows"),
    ("decision.threshold", -0.1, "decision.threshold"),
    ("decision.threshold", 1.1, "decision.threshold"),
    ("name", "two\rlines", "name"),
    ("stream.rate_hz", "50", "stream.rate_hz"),
    ("stream.rate_hz", float("nan"), "stream.rate_hz"),
    ("front_end.frequency_knee_hz", float("inf"), "front_end.frequency_knee_hz"),
    ("stream.max_gap_s", 10**400, "stream.max_gap_s"),
    ("provenance.macro_f1", float("nan"), "provenance.macro_f1"),
    ("provenance.data_set", "half a \ud83d", "provenance.data_set"),
    ("stream", [], "stream"),
]


@pytest.mark.parametrize("where, value, words", WRONG_VALUES)
def test_a_wrong_value_is_refused_in_a_sentence_that_names_it(
    make_contract, is_sentence, where, value, words
):
    document = with_value(json.loads(make_contract().to_json()), where.split("."), value)
    with pytest.raises(ContractError) as caught:
        Contract.from_json(json.dumps(document))
    assert words in str(caught.value)
    assert is_sentence(str(caught.value))


def test_a_contract_built_in_python_is_checked_too(make_contract):
    with pytest.raises(ContractError, match="hop_samples = 7"):
        replace(make_contract(), hop_samples=7)


def test_images_too_many_for_memory_are_refused(make_contract):
    with pytest.raises(ContractError, match=r"image_height x image_width = \(1024, 1024\)"):
        make_contract(3, height=1024, width=1024, image_channels=((0, 1, 2),) * 16)


@pytest.mark.parametrize("spectrogram", [SpectrogramSpec(8, 1), SpectrogramSpec(100_000, 100_000)])
def test_frames_too_many_for_memory_are_refused(make_contract, spectrogram):
    with pytest.raises(ContractError, match=r"front_end\.spectrograms"):
        make_contract(window_samples=1_000_000, hop_samples=100_000, spectrograms=(spectrogram,))


@pytest.mark.parametrize("schema", [TAUGHT_SCHEMA + 1, 10**30])
def test_a_newer_schema_is_refused_before_its_unknown_keys(make_contract, is_sentence, schema):
    document = json.loads(make_contract().to_json()) | {"schema": schema, "invented_later": 1}
    with pytest.raises(
        ContractError, match="reads up to 2: pip install --upgrade img2imu"
    ) as caught:
        Contract.from_json(json.dumps(document))
    assert is_sentence(str(caught.value))


@pytest.mark.parametrize("schema", [None, 0, -1, True, "1", 1.0, {"a": ["long"] * 500}])
def test_a_schema_that_is_not_a_version_is_refused(make_contract, is_sentence, schema):
    document = json.loads(make_contract().to_json()) | {"schema": schema}
    with pytest.raises(ContractError, match="schema") as caught:
        Contract.from_json(json.dumps(document))
    assert is_sentence(str(caught.value))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "3",
        '"text"',
        "{}",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"schema": ' + "9" * 5000 + "}",
    ],
)
def test_a_document_that_is_not_a_contract_is_refused(is_sentence, text):
    with pytest.raises(ContractError) as caught:
        Contract.from_json(text)
    assert is_sentence(str(caught.value))


def test_every_key_is_required_and_others_are_refused(make_contract):
    document = json.loads(make_contract().to_json())
    objects = [
        path
        for path in leaves(document)
        if isinstance(value_at(document, path), dict) and path != ("provenance", "versions")
    ]
    assert len(objects) >= 7
    for path in objects:
        content = value_at(document, path)
        for key in content:
            shorter = with_value(document, path, {k: v for k, v in content.items() if k != key})
            with pytest.raises(ContractError, match=key):
                Contract.from_json(json.dumps(shorter))
        with pytest.raises(ContractError, match="unknown key 'surprise'"):
            Contract.from_json(json.dumps(with_value(document, path, content | {"surprise": 1})))


def value_at(document, path):
    for key in path:
        document = document[key]
    return document


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-10, 2000)
    | st.integers()
    | st.floats()
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=300)
@given(data=st.data())
def test_any_value_in_any_place_gives_a_valid_contract_or_a_refusal(
    make_contract, is_sentence, data
):
    document = json.loads(make_contract().to_json())
    path = data.draw(st.sampled_from(list(leaves(document))))
    changed = with_value(document, path, data.draw(ANYTHING))
    try:
        contract = Contract.from_json(json.dumps(changed))
    except ContractError as error:
        assert len(str(error)) < 600
        str(error).encode()
    else:
        assert Contract.from_json(contract.to_json().encode().decode()) == contract


def test_derived_values(make_contract):
    contract = make_contract(rate_hz=40.0, window_samples=60, hop_samples=12)
    assert (contract.window_s, contract.hop_s) == (1.5, 0.3)
    assert contract.front_end.n_images == len(contract.front_end.spectrograms) * 2


@pytest.mark.parametrize(
    "channels, columns",
    [
        (("acc_x", "acc_y", "acc_z"), (0, 1, 2)),
        (("gyro_x", "acc_z", "acc_x", "gyro_y", "acc_y", "gyro_z"), (2, 4, 1)),
        (("acc_x", "acc_y", "gyro_z"), None),
        (("gyro_x", "gyro_y", "gyro_z"), None),
        (("acc_z",), None),
    ],
)
def test_the_accelerometer_axes_are_found_in_any_order(channels, columns):
    assert StreamSpec(channels, 50.0, "included").acc_triple == columns


def test_optional_settings_are_written_only_if_they_differ_from_the_default(make_contract):
    plain = json.loads(make_contract().to_json())
    # as in the first model files
    assert set(plain["decision"]) == {"smoothing_windows", "threshold"}
    spec = DecisionSpec(2, 0.5, {"walk": 0.7}, 3, 1.5)
    contract = make_contract(decision=spec)
    assert json.loads(contract.to_json())["decision"] == {
        "smoothing_windows": 2,
        "threshold": 0.5,
        "class_thresholds": {"walk": 0.7},
        "debounce_decisions": 3,
        "refractory_s": 1.5,
    }
    assert Contract.from_json(contract.to_json()) == contract


@pytest.mark.parametrize(
    "key, value",
    [
        ("class_thresholds", {"dance": 0.5}),
        ("class_thresholds", {"walk": 1.1}),
        ("class_thresholds", [0.5]),
        ("class_thresholds", {"walk": "much"}),
        ("debounce_decisions", 0),
        ("debounce_decisions", 2.0),
        ("debounce_decisions", 1001),
        ("refractory_s", -1),
        ("refractory_s", 3601),
        ("refractory_s", None),
    ],
)
def test_a_wrong_setting_is_refused_in_a_sentence_that_names_it(
    make_contract, is_sentence, key, value
):
    document = json.loads(make_contract().to_json())
    document["decision"][key] = value
    with pytest.raises(ContractError, match=f"decision.{key}") as caught:
        Contract.from_json(json.dumps(document))
    assert is_sentence(str(caught.value))


# ---- what was taught

TAUGHT = TaughtSpec((3, 2), (2, 1), 4, 9.5, 0.25, None)


@pytest.fixture
def taught_contract(make_contract):
    return replace(make_contract(), schema=TAUGHT_SCHEMA, labels=("jab", "nod"), taught=TAUGHT)


def test_a_taught_contract_is_read_back_as_it_was(taught_contract):
    assert Contract.from_json(taught_contract.to_json()) == taught_contract
    document = json.loads(taught_contract.to_json())
    assert document["schema"] == 2 and document["taught"]["windows"] == [2, 1]


def test_an_exported_contract_does_not_mention_teaching(make_contract):
    document = json.loads(make_contract().to_json())
    # older runtimes can read it
    assert "taught" not in document and document["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 1}, "schema = 1, expected 1, or 2 with taught"),
        ({"taught": None}, "schema"),
        ({"labels": ("jab",)}, r"taught.windows = \(2, 1\), expected 1 numbers"),
        ({"taught": replace(TAUGHT, windows=(2, 0))}, "taught.windows"),
        ({"taught": replace(TAUGHT, blocks=())}, "taught.blocks"),
        ({"taught": replace(TAUGHT, blocks=(0, 5))}, "taught.blocks"),
        ({"taught": replace(TAUGHT, background_windows=-1)}, "taught.background_windows"),
        ({"taught": replace(TAUGHT, background_s=-1.0)}, "taught.background_s"),
        ({"taught": replace(TAUGHT, missed=1.5)}, "taught.missed"),
        (
            {"taught": replace(TAUGHT, false_triggers_per_hour=-1.0)},
            "taught.false_triggers_per_hour",
        ),
    ],
)
def test_a_wrong_value_of_what_was_taught_is_refused(
    taught_contract, is_sentence, changes, message
):
    with pytest.raises(ContractError, match=message) as caught:
        replace(taught_contract, **changes)
    assert is_sentence(str(caught.value))


def test_schema_two_needs_something_taught(make_contract):
    with pytest.raises(ContractError, match="schema = 2"):
        replace(make_contract(), schema=TAUGHT_SCHEMA)


def test_a_taught_contract_may_have_one_label_or_none(taught_contract):
    one_label = replace(taught_contract, labels=("jab",), taught=replace(TAUGHT, windows=(2,)))
    assert one_label.taught.rows == 2  # the label and the background
    no_label = replace(taught_contract, labels=(), taught=replace(TAUGHT, windows=()))
    assert no_label.taught.rows == 0
    assert replace(TAUGHT, windows=(2,), background_windows=0).rows == 0
