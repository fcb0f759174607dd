"""One simulated patient: all organs from one seed, signals by the second, and the truth."""

from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from devices.simulators.physiology.breathing import Breathing
from devices.simulators.physiology.chest import Impedance, Temperature
from devices.simulators.physiology.ecg import EcgLead
from devices.simulators.physiology.happenings import Schedule, Times, Values
from devices.simulators.physiology.heart import Beats, Heart
from devices.simulators.physiology.ppg import Oximeter
from devices.simulators.physiology.variation import generator

MEMORY_S = 30.0  # how far back `second` may be asked after `forget`


class Profile(NamedTuple):
    """What kind of patient this is at rest."""

    heart_rate_per_min: float = 74.0
    respiration_per_min: float = 15.0
    spo2_percent: float = 97.0
    perfusion_percent: float = 2.0
    temperature_celsius: float = 36.8
    ectopic_share: float = 0.0


class Truth(NamedTuple):
    """What is true in a stretch of time, to hold estimates against."""

    beats: Beats
    breaths_s: Times
    heart_rate_per_min: float  # 60 / mean interval of the beats inside; NaN below two beats
    respiration_per_min: float  # likewise from the breaths; NaN below two
    spo2_percent: float
    perfusion_percent: float
    temperature_celsius: float


def profile_of(seed: int) -> Profile:
    """A plausible adult at rest, the same for the same seed."""
    chance = generator(seed, 0xF11E)
    return Profile(
        heart_rate_per_min=float(chance.uniform(60, 88)),
        respiration_per_min=float(chance.uniform(12, 18)),
        spo2_percent=float(chance.uniform(95.5, 98.5)),
        perfusion_percent=float(chance.uniform(1.2, 3.0)),
        temperature_celsius=float(chance.uniform(36.4, 37.2)),
        ectopic_share=float(chance.choice([0.0, 0.0, 0.004, 0.02])),
    )


@final
class Patient:
    """All organs of one patient; the same seed, profile and schedule give the same signals."""

    def __init__(self, *, seed: int, profile: Profile, schedule: Schedule) -> None:
        """Begin at second 0 of the schedule."""
        self.seed = seed
        self.profile = profile
        self.schedule = schedule
        self.breathing = Breathing(
            seed=seed, rate_per_min=profile.respiration_per_min, schedule=schedule
        )
        self.heart = Heart(
            seed=seed,
            rate_per_min=profile.heart_rate_per_min,
            ectopic_share=profile.ectopic_share,
            schedule=schedule,
            breathing=self.breathing,
        )
        self.oximeter = Oximeter(
            seed=seed,
            heart=self.heart,
            breathing=self.breathing,
            schedule=schedule,
            spo2_percent=profile.spo2_percent,
            perfusion_percent=profile.perfusion_percent,
        )
        self.impedance = Impedance(seed=seed, heart=self.heart, breathing=self.breathing)
        self.temperature = Temperature(
            seed=seed, schedule=schedule, degrees=profile.temperature_celsius
        )

    def lead(self, name: str) -> EcgLead:
        """One ECG lead: I, II or V5."""
        return EcgLead(
            name=name,
            seed=self.seed,
            heart=self.heart,
            breathing=self.breathing,
            schedule=self.schedule,
        )

    def truth(self, start_s: float, end_s: float) -> Truth:
        """What is true in [start, end)."""
        beats = self.heart.beats(start_s, end_s)
        breaths = self.breathing.onsets(start_s, end_s)
        grid = np.arange(start_s, end_s, 0.25)
        return Truth(
            beats=beats,
            breaths_s=breaths,
            heart_rate_per_min=_rate(beats.times_s),
            respiration_per_min=_rate(breaths),
            spo2_percent=float(self.oximeter.spo2_at(grid).mean()),
            perfusion_percent=float(self.oximeter.perfusion_at(grid).mean()),
            temperature_celsius=float(self.temperature.at(grid).mean()),
        )

    def forget(self, before_s: float) -> None:
        """Free what lies more than 30 s before this time: for runs without an end."""
        self.heart.forget(before_s - MEMORY_S)
        self.breathing.forget(before_s - MEMORY_S)


def to_counts(signal: Values, *, scale: float, offset: float = 0.0) -> NDArray[np.int16]:
    """What a 16-bit converter gives for this signal: rounded, held at its rails."""
    counts = np.round((signal - offset) / scale)
    return np.clip(counts, -32_767, 32_767).astype(np.int16)


def _rate(times_s: Times) -> float:
    if len(times_s) < 2:
        return float("nan")
    return float(60.0 * (len(times_s) - 1) / (times_s[-1] - times_s[0]))
