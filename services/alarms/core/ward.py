"""All watched patients of a lane, and the time that they live in.

Time goes on with the arrival times that the values carry, so a backlog is judged as it would have
been live, however it is cut into batches; only when nothing is left to read it goes on by the
clock.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from services.alarms.core.limits import Bounds, DefaultLimits, Override, limits_in_force
from services.alarms.core.memory import Memory, Reading
from services.alarms.core.occurrence import Occurrence
from services.alarms.core.patient_watch import PatientWatch
from shared.contracts.actions import AlarmAction
from shared.contracts.events import EventKind

TICK_US = 500_000  # deadlines are looked for so often: the error of a delay stays under 1 s


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """What the registry knows of a patient that matters here.

    `devices` is the begin of each device's present assignment, us UTC; `birth` is an ISO date.
    `unawaited` are those of them that give no vital sign all the time: silence is no alarm.
    """

    devices: dict[int, int]
    birth: str | None
    overrides: tuple[Override, ...]
    unawaited: frozenset[int] = frozenset()


class Ward:
    """Watches the patients of one lane.

    Parameters
    ----------
    memories : as stored, by patient
    now : as stored: up to when deadlines have taken effect
    """

    def __init__(
        self, defaults: DefaultLimits, memories: Mapping[int, Memory], *, now: int = 0
    ) -> None:
        self._defaults = defaults
        self._watches = {
            patient: PatientWatch(patient, memory, defaults) for patient, memory in memories.items()
        }
        self._limits: dict[int, Mapping[str, Bounds]] = {}
        self._registered: dict[int, tuple[Registered, object]] = {}
        self._touched: set[int] = set()
        self._now = now

    @property
    def now(self) -> int:
        """Up to when deadlines have taken effect, us UTC."""
        return self._now

    @property
    def n_patients(self) -> int:
        """How many are watched."""
        return len(self._watches)

    @property
    def n_standing(self) -> int:
        """How many alarms have not ended."""
        return sum(len(watch.memory.standing) for watch in self._watches.values())

    def configure(
        self, registered: Mapping[int, Registered], now: int
    ) -> tuple[list[Occurrence], dict[int, Mapping[str, Bounds]]]:
        """Use what the registry says; gives changed alarms, and limits in force that changed.

        Parameters
        ----------
        registered : all patients of the lane that have a device now
        """
        today = datetime.fromtimestamp(now // 1_000_000, tz=UTC).date()
        changed: list[Occurrence] = []
        limits_changed: dict[int, Mapping[str, Bounds]] = {}
        for patient in self._watches.keys() - registered.keys():
            watch = self._watches[patient]
            if watch.memory.states or watch.memory.heard:
                changed += watch.configure({}, {}, now)
                self._touched.add(patient)
            self._registered.pop(patient, None)
        for patient, row in registered.items():
            known = self._registered.get(patient)
            if known is not None and known[1] == today and (known[0] is row or known[0] == row):
                continue
            self._registered[patient] = (row, today)
            birth = None if row.birth is None else datetime.fromisoformat(row.birth).date()
            limits = limits_in_force(self._defaults, birth=birth, on=today, overrides=row.overrides)
            changed += self._watch(patient).configure(
                limits, row.devices, now, unawaited=row.unawaited
            )
            self._touched.add(patient)
            if self._limits.get(patient) != limits:
                self._limits[patient] = limits
                limits_changed[patient] = limits
        return changed, limits_changed

    def hear(self, patient: int, received: int, reading: Reading) -> list[Occurrence]:
        """Judge one value; deadlines before its arrival take effect first."""
        is_later = received // TICK_US > self._now // TICK_US
        changed = self.pass_time(received) if is_later else []
        self._touched.add(patient)
        watch = self._watches.get(patient) or self._watch(patient)
        return changed + watch.hear(reading) if changed else watch.hear(reading)

    def tell(self, patient: int, kind: EventKind, device: int, at: int) -> list[Occurrence]:
        """Take notice of an event of a patient's device."""
        self._touched.add(patient)
        return self._watch(patient).tell(kind, device, at)

    def act(self, patient: int, action: AlarmAction) -> list[Occurrence]:
        """Carry out what a person asked for."""
        self._touched.add(patient)
        return self._watch(patient).act(action)

    def pass_time(self, now: int) -> list[Occurrence]:
        """Let the deadlines of all patients until now take effect."""
        changed: list[Occurrence] = []
        if now <= self._now:
            return changed
        self._now = now
        for patient, watch in self._watches.items():
            if watch.is_due(now):
                changed += watch.pass_time(now)
                self._touched.add(patient)
        return changed

    def take_touched(self) -> dict[int, tuple[Memory, int | None]]:
        """Memories with the next deadline of the patients that something happened to since."""
        touched, self._touched = self._touched, set()
        return {
            patient: (self._watches[patient].memory, self._watches[patient].due)
            for patient in sorted(touched)
        }

    def patient_of(self, device: int) -> int | None:
        """Who wears a device now, among the patients of this lane."""
        for patient, (row, _) in self._registered.items():
            if device in row.devices:
                return patient
        return None

    def _watch(self, patient: int) -> PatientWatch:
        if patient not in self._watches:
            self._watches[patient] = PatientWatch(patient, Memory(), self._defaults)
        return self._watches[patient]
