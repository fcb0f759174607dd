"""What happens to a simulated patient and when: a schedule with smooth ramps."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]  # seconds since the start of the simulation
Values = NDArray[np.float64]


class HappeningKind(StrEnum):
    """What a schedule can hold; the unit of ``magnitude`` stands beside each."""

    DESATURATION = "desaturation"  # percent of saturation lost at the bottom
    TACHYCARDIA = "tachycardia"  # beats per minute added
    BRADYCARDIA = "bradycardia"  # beats per minute taken
    TACHYPNOEA = "tachypnoea"  # breaths per minute added
    APNOEA = "apnoea"  # share of the depth of breath that is lost, 0 to 1
    FEVER = "fever"  # degrees Celsius added
    ECTOPICS = "ectopics"  # probability that a beat is ectopic, 0 to 1
    NOISE = "noise"  # RMS of muscle noise on the ECG, in mV
    LEAD_OFF = "lead_off"  # no unit: an ECG electrode hangs loose
    PROBE_OFF = "probe_off"  # no unit: the finger left the light
    DISCONNECT = "disconnect"  # no unit: the device has no network


# Seconds to come and to go: a saturation sinks and rises slowly, a run of tachycardia begins
# within a few beats, a fever within a quarter of an hour.
RAMP_S: dict[HappeningKind, tuple[float, float]] = {
    HappeningKind.DESATURATION: (18.0, 14.0),
    HappeningKind.TACHYCARDIA: (5.0, 8.0),
    HappeningKind.BRADYCARDIA: (5.0, 8.0),
    HappeningKind.TACHYPNOEA: (10.0, 15.0),
    HappeningKind.APNOEA: (1.0, 1.0),
    HappeningKind.FEVER: (900.0, 900.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happens, from ``start_s`` for ``duration_s``, ramps included."""

    kind: HappeningKind
    start_s: float
    duration_s: float
    magnitude: float = 1.0

    @property
    def end_s(self) -> float:
        """First second after it."""
        return self.start_s + self.duration_s

    def share_at(self, times: Times) -> Values:
        """How much of it is there, 0 to 1, at each time."""
        rise, fall = RAMP_S.get(self.kind, (0.0, 0.0))
        inside = (times >= self.start_s) & (times < self.end_s)
        up = np.clip((times - self.start_s) / rise, 0.0, 1.0) if rise else 1.0
        down = np.clip((self.end_s - times) / fall, 0.0, 1.0) if fall else 1.0
        linear = np.minimum(up, down) * inside
        smooth: Values = 0.5 - 0.5 * np.cos(np.pi * linear)
        return smooth


@dataclass(frozen=True, slots=True)
class Schedule:
    """All that happens to one patient; repeated every ``period_s`` if that is given."""

    happenings: tuple[Happening, ...] = ()
    period_s: float | None = None

    def magnitude_at(self, kind: HappeningKind, times: Times) -> Values:
        """Sum of what is there of one kind, in the unit of that kind, at each time."""
        wrapped = times if self.period_s is None else np.mod(times, self.period_s)
        total = np.zeros(np.shape(times))
        for happening in self._of(kind):
            total += happening.magnitude * happening.share_at(wrapped)
        return total

    def is_on(self, kind: HappeningKind, time_s: float) -> bool:
        """Whether something of this kind is going on."""
        wrapped = time_s if self.period_s is None else time_s % self.period_s
        return any(h.start_s <= wrapped < h.end_s for h in self._of(kind))

    def intervals(self, kind: HappeningKind, start_s: float, end_s: float) -> list[Happening]:
        """Happenings of a kind that touch [start, end), at their own times."""
        found = []
        for happening in self._of(kind):
            if self.period_s is None:
                turns = range(1)
            else:
                first = int((start_s - happening.end_s) // self.period_s)
                turns = range(max(0, first), int(end_s // self.period_s) + 1)
            for turn in turns:
                shift = turn * (self.period_s or 0.0)
                if happening.start_s + shift < end_s and happening.end_s + shift > start_s:
                    found.append(
                        Happening(
                            kind=kind,
                            start_s=happening.start_s + shift,
                            duration_s=happening.duration_s,
                            magnitude=happening.magnitude,
                        )
                    )
        return sorted(found, key=lambda h: h.start_s)

    def _of(self, kind: HappeningKind) -> Iterable[Happening]:
        return (happening for happening in self.happenings if happening.kind is kind)
