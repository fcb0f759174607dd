"""Values that a device model names: arguments of its commands, keys of its configuration."""

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import msgspec

TEXT_MOST = 500
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class ValueKind(StrEnum):
    """What a value is."""

    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"


_TYPES: dict[ValueKind, tuple[type, ...]] = {
    ValueKind.INTEGER: (int,),
    ValueKind.NUMBER: (int, float),
    ValueKind.TEXT: (str,),
    ValueKind.BOOLEAN: (bool,),
}


class ModelValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One named value.

    ``low`` and ``high`` bound a number, ``most`` the characters of a text, ``choices`` any of
    them; ``required`` ones must be given with a command.
    """

    name: Name
    kind: ValueKind
    label: str = ""
    unit: str = ""
    required: bool = True
    low: float | None = None
    high: float | None = None
    most: Annotated[int, msgspec.Meta(ge=1, le=TEXT_MOST)] = 80
    choices: tuple[str | int | float, ...] = ()


class ValueReason(StrEnum):
    """Why a command or a configuration is refused, told to whoever asked."""

    UNKNOWN_COMMAND = "unknown_command"
    UNKNOWN_VALUE = "unknown_value"
    MISSING_VALUE = "missing_value"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"


class ValueRefusal(NamedTuple):
    """A value that does not fit, and why."""

    reason: ValueReason
    name: str
    detail: str


def refuse_values(
    expected: Sequence[ModelValue], given: Mapping[str, Any], *, partial: bool = False
) -> ValueRefusal | None:
    """Give why these values do not fit what the model names, or None.

    Parameters
    ----------
    partial : values may be left out, as in a configuration
    """
    by_name = {value.name: value for value in expected}
    for name in given:
        if name not in by_name:
            known = ", ".join(by_name) or "none"
            return ValueRefusal(ValueReason.UNKNOWN_VALUE, name[:40], f"there are: {known}")
    for name, value in by_name.items():
        if name in given:
            refusal = _refuse(value, given[name])
            if refusal is not None:
                return refusal
        elif value.required and not partial:
            return ValueRefusal(ValueReason.MISSING_VALUE, name, "it must be given")
    return None


def _refuse(expected: ModelValue, given: object) -> ValueRefusal | None:
    def refusal(reason: ValueReason, detail: str) -> ValueRefusal:
        return ValueRefusal(reason, expected.name, detail)

    # To Python a truth is a number too.
    types = _TYPES[expected.kind]
    if not isinstance(given, types) or (isinstance(given, bool) and bool not in types):
        return refusal(ValueReason.WRONG_TYPE, f"it is no {expected.kind}")
    if expected.choices and given not in expected.choices:
        choices = ", ".join(str(choice) for choice in expected.choices)
        return refusal(ValueReason.OUT_OF_RANGE, f"one of: {choices}")
    if isinstance(given, str):
        if len(given) > expected.most or not given.isprintable():
            return refusal(
                ValueReason.OUT_OF_RANGE, f"at most {expected.most} printable characters"
            )
        return None
    assert isinstance(given, int | float)
    if isinstance(given, float) and not math.isfinite(given):
        return refusal(ValueReason.OUT_OF_RANGE, "it is not finite")
    too_low = expected.low is not None and given < expected.low
    if too_low or (expected.high is not None and given > expected.high):
        return refusal(ValueReason.OUT_OF_RANGE, f"from {expected.low} to {expected.high}")
    return None
