"""Arguments and configuration against what a model names."""

from typing import Any

import pytest

from shared.contracts.device_model import read_device_model
from shared.contracts.model_values import ModelValue, ValueKind, ValueReason, refuse_values

NUMBER = ModelValue(name="level", kind=ValueKind.NUMBER, low=0, high=1)
WHOLE = ModelValue(name="hz", kind=ValueKind.INTEGER, choices=(125, 250))
TEXT = ModelValue(name="text", kind=ValueKind.TEXT, most=4, required=False)
SWITCH = ModelValue(name="on", kind=ValueKind.BOOLEAN, required=False)
ALL = (NUMBER, WHOLE, TEXT, SWITCH)
GOOD: dict[str, Any] = {"level": 0.5, "hz": 250, "text": "abcd", "on": False}


def test_what_fits_is_taken_and_what_need_not_be_given_may_be_left_out() -> None:
    assert refuse_values(ALL, GOOD) is None
    assert refuse_values(ALL, {"level": 1, "hz": 125}) is None
    assert refuse_values(ALL, {}, partial=True) is None
    assert refuse_values((), {}) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"level": None}, ValueReason.WRONG_TYPE),
        ({"level": True}, ValueReason.WRONG_TYPE),
        ({"level": "0.5"}, ValueReason.WRONG_TYPE),
        ({"level": float("nan")}, ValueReason.OUT_OF_RANGE),
        ({"level": 1.01}, ValueReason.OUT_OF_RANGE),
        ({"level": -0.01}, ValueReason.OUT_OF_RANGE),
        ({"hz": 250.0}, ValueReason.WRONG_TYPE),
        ({"hz": 200}, ValueReason.OUT_OF_RANGE),
        ({"text": "abcde"}, ValueReason.OUT_OF_RANGE),
        ({"text": "a\nb"}, ValueReason.OUT_OF_RANGE),
        ({"text": "a\ud800"}, ValueReason.OUT_OF_RANGE),
        ({"text": ["a"]}, ValueReason.WRONG_TYPE),
        ({"on": 0}, ValueReason.WRONG_TYPE),
        ({"off": True}, ValueReason.UNKNOWN_VALUE),
    ],
)
def test_what_does_not_fit_has_its_reason(change: dict[str, Any], reason: ValueReason) -> None:
    refusal = refuse_values(ALL, GOOD | change)
    assert refusal is not None
    assert (refusal.reason, refusal.name) == (reason, next(iter(change)))


def test_what_must_be_given_is_missed() -> None:
    refusal = refuse_values(ALL, {"level": 0.5})
    assert refusal is not None
    assert (refusal.reason, refusal.name) == (ValueReason.MISSING_VALUE, "hz")


def test_a_model_names_each_value_once() -> None:
    model = 'label = "a"\nmaker = "b"\ncodecs = ["packed"]\n'
    twice = '[[configuration]]\nname = "a"\nkind = "text"\n' * 2
    assert read_device_model(model).command("stop") is None
    with pytest.raises(ValueError, match="stands twice"):
        read_device_model(model + twice)
    with pytest.raises(ValueError, match="not a device model"):
        read_device_model(model + '[[commands]]\nname = "Bad Name"\n')
    known = read_device_model(model + '[[commands]]\nname = "stop"\n').command("stop")
    assert known is not None
    assert known.args == ()
