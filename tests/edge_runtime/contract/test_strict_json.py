import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.contract.strict_json import JsonError, from_json, show, to_json


@dataclass(frozen=True)
class Leg:
    length_m: float
    toes: int


@dataclass(frozen=True)
class Animal:
    name: str
    tame: bool
    legs: tuple[Leg, ...]
    food: dict[str, str]
    weight_kg: float | None = None


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
ANIMALS = st.builds(
    Animal,
    TEXT,
    st.booleans(),
    st.lists(st.builds(Leg, NUMBERS, st.integers())).map(tuple),
    st.dictionaries(TEXT, TEXT),
    st.none() | NUMBERS,
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.just(10**400),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)
CAT = {
    "name": "Mog",
    "tame": True,
    "legs": [{"length_m": 0.2, "toes": 5}],
    "food": {"morning": "fish"},
    "weight_kg": None,
}


@given(ANIMALS)
def test_what_was_written_is_read_back(animal):
    assert from_json(Animal, json.loads(json.dumps(to_json(animal))), "animal") == animal


@given(ANYTHING)
def test_any_json_is_read_or_refused(document):
    with pytest.raises(JsonError):
        from_json(Animal, document, "animal")


@given(ANYTHING, st.sampled_from(list(CAT)))
def test_any_value_in_any_place_is_read_or_refused(value, key):
    try:
        animal = from_json(Animal, CAT | {key: value}, "animal")
    except JsonError as error:
        assert f"animal.{key}" in str(error) and len(str(error)) < 400
        str(error).encode()
    else:
        assert to_json(animal) == CAT | {key: value}
        json.dumps(to_json(animal), ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"name": 3}, "animal.name is 3, expected text"),
        ({"name": "\ud800"}, r"animal.name is '\ud800', expected text"),
        ({"tame": 1}, "animal.tame is 1, expected true or false"),
        ({"tame": None}, "animal.tame is None, expected true or false"),
        ({"legs": {}}, "animal.legs is {}, expected a list"),
        ({"legs": [3]}, "animal.legs[0] is 3, expected an object"),
        (
            {"legs": [{"length_m": 1, "toes": True}]},
            "animal.legs[0].toes is True, expected a whole number",
        ),
        (
            {"legs": [{"length_m": 1, "toes": 5.0}]},
            "animal.legs[0].toes is 5.0, expected a whole number",
        ),
        ({"food": []}, "animal.food is [], expected an object"),
        ({"food": {"noon": 1}}, "animal.food.noon is 1, expected text"),
        ({"food": {"\udc00": "x"}}, r"a key of animal.food is '\udc00', expected text"),
        ({"weight_kg": "4"}, "animal.weight_kg is '4', expected a finite number"),
        ({"weight_kg": False}, "animal.weight_kg is False, expected a finite number"),
        ({"weight_kg": float("nan")}, "animal.weight_kg is nan, expected a finite number"),
        ({"weight_kg": float("-inf")}, "animal.weight_kg is -inf, expected a finite number"),
        ({"weight_kg": 10**400}, "animal.weight_kg is 1000"),
        (
            {"colour": "black"},
            "animal has the unknown key 'colour', expected only name, tame, legs, food, weight_kg",
        ),
    ],
)
def test_the_message_names_the_place_the_value_and_what_was_expected(change, sentence):
    with pytest.raises(JsonError) as caught:
        from_json(Animal, CAT | change, "animal")
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("key", CAT)
def test_a_missing_key_is_an_error_even_where_the_dataclass_has_a_default(key):
    with pytest.raises(JsonError, match=f"animal lacks the key '{key}'"):
        from_json(Animal, {k: v for k, v in CAT.items() if k != key}, "animal")


def test_a_whole_number_is_accepted_as_a_float():
    animal = from_json(Animal, CAT | {"weight_kg": 4}, "animal")
    assert (animal.weight_kg, type(animal.weight_kg)) == (4.0, float)


@given(ANYTHING, st.integers(10, 300))
def test_show_is_short_and_printable_for_anything(value, length):
    text = show(value, length)
    assert len(text) <= length
    text.encode()


def test_show_takes_values_nested_deeper_than_the_stack():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert len(show(deep)) <= 40


def test_show_leaves_short_values_unchanged():
    assert show(("acc_x", 1.5)) == "('acc_x', 1.5)"
