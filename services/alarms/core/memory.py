"""What the rules remember of a patient between two values; small, and stored as it is."""

from functools import lru_cache
from typing import NamedTuple

import msgspec

from services.alarms.core.alarm_state import AlarmState
from services.alarms.core.occurrence import Occurrence
from services.alarms.core.rules import Condition
from shared.contracts.measures import Measure
from shared.contracts.quality import Validity, ValueFlag


class Reading(NamedTuple):
    """One value of ``vitals.v1``, live."""

    t: int
    device: int
    measure: Measure
    method: int
    value: float
    validity: Validity
    flags: ValueFlag


class Memory(msgspec.Struct, omit_defaults=True):
    """What is stored of a patient.

    Attributes
    ----------
    heard : last sample time by device
    speaking : time of the newest word of each source whose newest word is valid (see `sources`)
    direct : last time of a valid value that a sensor of the thing itself gave, by measure
    states : by `key_of`; a quiet state is left out
    standing : the alarms that have not ended, by `key_of`
    judged : last sample time that a condition was judged by, by `key_of`
    """

    heard: dict[int, int] = {}
    speaking: dict[str, int] = {}
    direct: dict[int, int] = {}
    states: dict[str, AlarmState] = {}
    standing: dict[str, Occurrence] = {}
    judged: dict[str, int] = {}


@lru_cache(maxsize=16_384)
def key_of(condition: Condition, device: int = 0) -> str:
    """Key of a condition of a patient (device 0) or of one of its devices."""
    return f"{condition.value}.{device}"


def parts_of(key: str) -> tuple[Condition, int]:
    """Condition and device of a key."""
    condition, _, device = key.rpartition(".")
    return Condition(condition), int(device)
