import numpy as np
import pytest
from edge_runtime.network.delegate import operators_outside, operators_outside_text

from edge_runtime.contract.container import read_model
from edge_runtime.network.interpreter import Model


class FakeInterpreter:
    def __init__(self, *operators):
        self.operators = operators

    def _get_ops_details(self):
        return [
            {"op_name": name, "inputs": np.array(inputs), "outputs": np.array(outputs)}
            for name, inputs, outputs in self.operators
        ]


# 0 -A-> 1 -B-> 2 -C-> 3 -D-> 4, with a constant 9 beside; -1 is an input that is left out
CHAIN = (("A", [0, 9, -1], [1]), ("B", [1], [2]), ("C", [2], [3]), ("D", [3, 9], [4]))


@pytest.mark.parametrize(
    ("delegates", "outside"),
    [
        ([], None),
        ([("DELEGATE", [0, 9], [4])], ()),
        ([("DELEGATE", [1], [3])], ("A", "D")),
        ([("DELEGATE", [0, 9], [1]), ("DELEGATE", [3, 9], [4])], ("B", "C")),
        ([("DELEGATE", [2], [3])], ("A", "B", "D")),
    ],
)
def test_what_lies_between_a_delegates_ends_is_taken(delegates, outside):
    assert operators_outside(FakeInterpreter(*CHAIN, *delegates)) == outside


def test_a_runtime_that_does_not_tell_is_no_error():
    assert operators_outside(object()) is None


def test_in_words():
    assert operators_outside_text(()) == "XNNPACK, every operator"
    assert (
        operators_outside_text(("ADD", "CONV_2D", "ADD"))
        == "XNNPACK, but for 3 operators (ADD, CONV_2D)"
    )
    assert operators_outside_text(None).startswith("none")


def test_of_the_bundled_model_nothing_is_left_out(demo_model_path):
    file = read_model(demo_model_path)
    model = Model(file.tflite, file.contract)
    if model.runtime.startswith("ai-edge-litert"):
        assert model.outside_delegate in ((), None)  # None where a processor has no delegate
    else:  # tflite-runtime 2.14 takes float operators alone
        assert model.outside_delegate is None or "CONV_2D" in model.outside_delegate
