"""THE table of simulated systems: what stands for each, and which devices a run of it has.

``deploy/local`` registers exactly these devices; the fleet speaks for them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from devices.simulators.faults_on_request import Fault, FaultPlan
from devices.simulators.native_source import NativeSource
from devices.simulators.physiology.patient import Patient, profile_of
from devices.simulators.ppg_terminal import PpgTerminal
from devices.simulators.radar import RadarMonitor
from devices.simulators.smsg_hub import HomeHub
from devices.simulators.telecare import TelecareMonitor
from devices.simulators.wellness import WellnessEcgNode, WellnessMotionNode
from shared.codecs.modbus.frames import Form
from shared.contracts.identity import DeviceId

MakeSource = Callable[[Patient, FaultPlan, int], NativeSource]


@dataclass(frozen=True, slots=True)
class Part:
    """A device of a system: its model, how its ids begin, and what it sends."""

    model: str
    prefix: str
    make: MakeSource
    reported: Mapping[str, object] = field(default_factory=dict)


def _terminal(patient: Patient, plan: FaultPlan, number: int) -> NativeSource:  # noqa: ARG001
    return PpgTerminal(patient, as_json=number % 2 == 0)


def _telecare(patient: Patient, plan: FaultPlan, number: int) -> NativeSource:
    forms = tuple(Form)
    return TelecareMonitor(patient, plan, number=number, form=forms[(number - 1) % len(forms)])


def _radar(patient: Patient, plan: FaultPlan, number: int) -> NativeSource:  # noqa: ARG001
    return RadarMonitor(patient, bits=16 if number % 2 == 0 else 24)


def _hub(patient: Patient, plan: FaultPlan, number: int) -> NativeSource:  # noqa: ARG001
    return HomeHub(patient, number=number)


def _ecg_node(patient: Patient, plan: FaultPlan, number: int) -> NativeSource:  # noqa: ARG001
    return WellnessEcgNode(patient)


def _motion_node(patient: Patient, plan: FaultPlan, number: int) -> NativeSource:  # noqa: ARG001
    return WellnessMotionNode(patient, number=number)


SYSTEMS: Mapping[str, tuple[Part, ...]] = MappingProxyType(
    {
        "ppg_terminal": (Part("ppg-terminal", "sim-ppg", _terminal),),
        "telecare": (Part("telecare-ecg", "sim-telecare", _telecare),),
        "radar": (Part("radar-monitor", "sim-radar", _radar),),
        "smsg": (Part("home-hub", "sim-hub", _hub),),
        "wellness": (
            Part("wellness-ecg", "sim-wellness-ecg", _ecg_node),
            Part("wellness-motion", "sim-wellness-motion", _motion_node),
        ),
    }
)
"""Several parts of a system are worn by one patient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedDevice:
    """One device of a run. ``wearer`` numbers the patients of the run from 1."""

    device: DeviceId
    model: str
    wearer: int
    source: NativeSource
    plan: FaultPlan
    reported: Mapping[str, object]


def read_systems(text: str) -> tuple[str, ...]:
    """The systems of a list such as ``smsg,radar``; ``all`` are all of them.

    Raises
    ------
    ValueError : a name is none
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if names == ["all"]:
        return tuple(SYSTEMS)
    unknown = [name for name in names if name not in SYSTEMS]
    if unknown:
        raise ValueError(
            f"no system is called {', '.join(unknown)}; there are {', '.join(SYSTEMS)}"
        )
    return tuple(dict.fromkeys(names))


def simulated_devices(
    systems: Sequence[str],
    *,
    count: int,
    seed: int,
    first: int = 1,
    faults: frozenset[Fault] = frozenset(),
) -> tuple[SimulatedDevice, ...]:
    """``count`` patients of each system with their devices; the same for the same arguments."""
    devices: list[SimulatedDevice] = []
    for place, system in enumerate(systems):
        for number in range(first, first + count):
            own_seed = seed * 1_000_000 + list(SYSTEMS).index(system) * 10_000 + number
            plan = FaultPlan(faults, own_seed)
            for part in SYSTEMS[system]:
                # A patient of its own for each part: the same seed, the same body.
                patient = Patient(
                    seed=own_seed, profile=profile_of(own_seed), schedule=plan.schedule()
                )
                devices.append(
                    SimulatedDevice(
                        device=DeviceId(f"{part.prefix}-{number:02d}"),
                        model=part.model,
                        wearer=place * count + number - first + 1,
                        source=part.make(patient, plan, number),
                        plan=plan,
                        reported=part.reported,
                    )
                )
    return tuple(devices)
