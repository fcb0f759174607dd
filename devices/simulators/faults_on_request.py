"""Faults by name, and when each of them is there: the table that ``--faults`` chooses from.

Every fault has a place of its own in a turn of 60 s, moved a little by the seed of the device, so
that a short run meets each of them and none hides another.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from devices.simulators.physiology.happenings import Happening, HappeningKind, Schedule
from devices.simulators.physiology.variation import generator

TURN_S = 60.0
FIRST_S = 5.0
EACH_S = 6.0
LASTS_S = 4.0
CLOCK_JUMP_US = 3_600_000_000
NOISE_MV = 0.25
LOW_BATTERY_PERCENT = 9.0


class Fault(StrEnum):
    """What can go wrong, and what is seen of it on the other side."""

    LEAD_OFF = "lead_off"
    """Frames with the flag lead_off; of a Telecare and an oximeter an event besides."""
    NOISE = "noise"
    """Vital signs of lower quality, or none."""
    LOW_BATTERY = "low_battery"
    """The event battery_low, once each time."""
    DISCONNECT = "disconnect"
    """device_offline, then device_online, and the seconds between come late: no gap."""
    DUPLICATE = "duplicate"
    """Nothing: storage counts repeats, and each message is there once."""
    REORDER = "reorder"
    """Nothing: times and n are the device's."""
    CORRUPT = "corrupt"
    """message_refused (bad_checksum, malformed or garbage), and a gap of that message."""
    CLOCK_JUMP = "clock_jump"
    """The event clock_jump; the times of the frames go on."""
    REBOOT = "reboot"
    """Another boot, whose n begin at 0; what the last one left in its journal comes first."""


def read_faults(text: str) -> frozenset[Fault]:
    """The faults of a list such as ``lead_off,reboot``; ``all`` are all of them.

    Raises
    ------
    ValueError : a name is none
    """
    names = {name.strip() for name in text.split(",") if name.strip()}
    if names == {"all"}:
        return frozenset(Fault)
    unknown = names - set(Fault)
    if unknown:
        known = ", ".join(Fault)
        raise ValueError(f"no fault is called {', '.join(sorted(unknown))}; there are {known}")
    return frozenset(Fault(name) for name in names)


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """When each fault of one device is there, in seconds since its start."""

    faults: frozenset[Fault] = frozenset()
    seed: int = 0

    def begins_s(self, fault: Fault) -> float:
        """When it is there for the first time."""
        place = sorted(self.faults | {fault}, key=list(Fault).index).index(fault)
        return FIRST_S + EACH_S * place + float(generator(self.seed, 0xFA, place).uniform(0, 1.5))

    def is_on(self, fault: Fault, second: float) -> bool:
        """Whether it is there at this time."""
        if fault not in self.faults or second < FIRST_S:
            return False
        begins = self.begins_s(fault)
        return second >= begins and (second - begins) % TURN_S < LASTS_S

    def turns(self, fault: Fault, second: float) -> int:
        """How often it has begun by this time."""
        begins = self.begins_s(fault)
        if fault not in self.faults or second < begins:
            return 0
        return int((second - begins) // TURN_S) + 1

    def schedule(self, others: Iterable[Happening] = ()) -> Schedule:
        """What happens to the patient by it."""
        happenings = list(others)
        for fault, kinds in (
            (Fault.LEAD_OFF, (HappeningKind.LEAD_OFF, HappeningKind.PROBE_OFF)),
            (Fault.NOISE, (HappeningKind.NOISE,)),
        ):
            if fault in self.faults:
                happenings += [
                    Happening(
                        kind=kind,
                        start_s=self.begins_s(fault),
                        duration_s=LASTS_S,
                        magnitude=NOISE_MV,
                    )
                    for kind in kinds
                ]
        return Schedule(tuple(happenings), period_s=TURN_S if happenings else None)

    def clock_ahead_us(self, second: float) -> int:
        """How much the device's clock is ahead of the true one: it is set to and fro."""
        return CLOCK_JUMP_US if self.turns(Fault.CLOCK_JUMP, second) % 2 else 0

    def battery_percent(self, second: float) -> float:
        """What is left."""
        if self.is_on(Fault.LOW_BATTERY, second):
            return LOW_BATTERY_PERCENT
        return max(20.0, float(100 - int(second) // 600))
