"""A patient, two devices and a clock in seconds, to write clinical situations down shortly."""

from datetime import date

from services.alarms.core.limits import DefaultLimits, Override, limits_in_force
from services.alarms.core.memory import Memory, Reading
from services.alarms.core.occurrence import Occurrence, Standing
from services.alarms.core.patient_watch import PatientWatch
from shared.contracts.actions import Acknowledge, PauseSound
from shared.contracts.events import EventKind
from shared.contracts.measures import Measure
from shared.contracts.methods import Method
from shared.contracts.quality import Validity, ValueFlag

SECOND = 1_000_000
T0 = 1_767_225_600 * SECOND
PATIENT = 5
CHEST, FINGER = 11, 12


class Bedside:
    """Drives one `PatientWatch`; times in seconds since the begin."""

    def __init__(self, defaults: DefaultLimits, *, devices: tuple[int, ...] = (CHEST,)) -> None:
        self.defaults = defaults
        self.memory = Memory()
        self.devices = dict.fromkeys(devices, T0)
        self.changes: list[Occurrence] = []
        self.overrides: tuple[Override, ...] = ()
        self.watch = PatientWatch(PATIENT, self.memory, defaults)
        self.configure()

    def configure(self, at_s: float = 0, *overrides: Override) -> list[Occurrence]:
        self.overrides = overrides
        limits = limits_in_force(
            self.defaults, birth=date(1980, 1, 1), on=date(2026, 1, 1), overrides=overrides
        )
        return self._note(self.watch.configure(limits, self.devices, at(at_s)))

    def restart(self) -> None:
        """Forget everything that is not stored."""
        import msgspec

        stored = msgspec.json.encode(self.memory)
        self.memory = msgspec.json.decode(stored, type=Memory)
        self.watch = PatientWatch(PATIENT, self.memory, self.defaults)
        self.configure(0, *self.overrides)

    def hear(
        self,
        at_s: float,
        measure: Measure,
        value: float,
        *,
        validity: Validity = Validity.VALID,
        device: int = CHEST,
        method: Method = Method.ECG_BEAT_INTERVALS,
        flags: ValueFlag | None = None,
    ) -> list[Occurrence]:
        reading = Reading(
            t=at(at_s),
            device=device,
            measure=measure,
            method=method,
            value=value,
            validity=validity,
            flags=flags or ValueFlag(0),
        )
        return self._note(self.watch.hear(reading))

    def hear_steadily(
        self, from_s: int, to_s: int, measure: Measure, value: float, **how: object
    ) -> None:
        """One value a second, both ends included."""
        for second in range(from_s, to_s + 1):
            self.hear(second, measure, value, **how)  # type: ignore[arg-type]  # passed on as given

    def tell(self, at_s: float, kind: EventKind, device: int = CHEST) -> list[Occurrence]:
        return self._note(self.watch.tell(kind, device, at(at_s)))

    def pass_time(self, at_s: float) -> list[Occurrence]:
        return self._note(self.watch.pass_time(at(at_s)))

    def acknowledge(self, at_s: float, alarm: Occurrence) -> list[Occurrence]:
        action = Acknowledge(id="a", alarm=alarm.id, by=7, by_name="Nurse A", at=at(at_s))
        return self._note(self.watch.act(action))

    def pause(self, at_s: float, minutes: float) -> list[Occurrence]:
        action = PauseSound(
            id="p",
            patient=PATIENT,
            until=at(at_s + 60 * minutes),
            by=7,
            by_name="Nurse A",
            at=at(at_s),
        )
        return self._note(self.watch.act(action))

    def standing(self) -> dict[str, Occurrence]:
        """What has not ended, by condition."""
        return {alarm.condition.value: alarm for alarm in self.memory.standing.values()}

    def active(self) -> set[str]:
        """Conditions that call now."""
        return {name for name, it in self.standing().items() if it.state is Standing.ACTIVE}

    def _note(self, changes: list[Occurrence]) -> list[Occurrence]:
        self.changes += changes
        return changes


def at(at_s: float) -> int:
    return T0 + round(at_s * SECOND)
