"""Who stands in the demo ward: device ids, models, streams and what happens when.

``deploy/local`` registers exactly these devices and writes a secret for each; the fleet speaks
for them. Both read this one table, so that they cannot disagree.
"""

from dataclasses import dataclass

from devices.simulators.physiology.happenings import Happening, HappeningKind, Schedule
from devices.simulators.physiology.patient import Profile, profile_of
from shared.contracts.identity import DeviceId
from shared.contracts.streams import Stream

N_BEDS = 8
MODEL = "bedside-monitor"
ECG_HZ, PPG_HZ, TEMPERATURE_EACH_S = 250, 100, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedBed:
    """One simulated patient and the device at the bed."""

    number: int
    device: DeviceId
    model: str
    seed: int
    profile: Profile
    schedule: Schedule
    leads: tuple[str, ...]
    impedance_hz: int
    streams: tuple[Stream, ...] = (Stream.ECG, Stream.PPG, Stream.IMPEDANCE, Stream.TEMPERATURE)


def _at(
    kind: HappeningKind, start_s: float, duration_s: float, magnitude: float = 1.0
) -> Happening:
    return Happening(kind=kind, start_s=start_s, duration_s=duration_s, magnitude=magnitude)


_K = HappeningKind
# In the first three minutes: a saturation that falls below 90, a run of tachycardia, an electrode
# that comes loose, a device that goes and comes back with what it kept. Then it goes on for ever,
# each bed with its own period, so that the ward never looks the same twice.
SCHEDULES: tuple[Schedule, ...] = (
    Schedule((_at(_K.NOISE, 260, 20, 0.10),), period_s=660),
    Schedule(
        (
            _at(_K.DESATURATION, 45, 85, 14),
            _at(_K.APNOEA, 40, 18, 1.0),
            _at(_K.DESATURATION, 420, 60, 8),
        ),
        period_s=720,
    ),
    Schedule((_at(_K.TACHYCARDIA, 65, 75, 72), _at(_K.TACHYPNOEA, 70, 80, 8)), period_s=600),
    Schedule((_at(_K.LEAD_OFF, 95, 35), _at(_K.PROBE_OFF, 330, 25)), period_s=540),
    Schedule((_at(_K.DISCONNECT, 110, 45),), period_s=630),
    Schedule((_at(_K.ECTOPICS, 30, 90, 0.22), _at(_K.ECTOPICS, 380, 60, 0.15)), period_s=580),
    Schedule((_at(_K.NOISE, 75, 30, 0.14), _at(_K.BRADYCARDIA, 300, 50, 24)), period_s=690),
    Schedule((_at(_K.FEVER, 60, 3_000, 2.2), _at(_K.TACHYPNOEA, 150, 400, 9)), period_s=3_600),
)
_PROFILES = {
    2: {"spo2_percent": 96.5, "ectopic_share": 0.0},
    3: {"heart_rate_per_min": 76.0, "ectopic_share": 0.0},
    8: {"heart_rate_per_min": 84.0},
}


def demo_ward(*, seed: int, n_beds: int = N_BEDS) -> tuple[SimulatedBed, ...]:
    """The beds of the demo; the same for the same seed. Beyond eight the schedules repeat."""
    beds = []
    for number in range(1, n_beds + 1):
        own_seed = seed * 1_000 + number
        beds.append(
            SimulatedBed(
                number=number,
                device=DeviceId(f"sim-bed-{number:02d}"),
                model=MODEL,
                seed=own_seed,
                profile=profile_of(own_seed)._replace(**_PROFILES.get(number, {})),
                schedule=SCHEDULES[(number - 1) % len(SCHEDULES)],
                leads=("I", "II") if number % 2 else ("I",),
                impedance_hz=25 if number % 2 else 50,
            )
        )
    return tuple(beds)
