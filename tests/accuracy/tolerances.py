"""When a value is wrong: tolerances with their sources, and what is not judged."""

from collections.abc import Mapping
from typing import NamedTuple

from shared.contracts.measures import Measure


class Tolerance(NamedTuple):
    """A value is right within the greater of both."""

    absolute: float
    share: float
    source: str


_HEART = Tolerance(5.0, 0.10, "ANSI/AAMI EC13, IEC 60601-2-27: 10 % or 5 /min")
_FLOW = Tolerance(0.3, 0.10, "ATS/ERS 2005, PEF: 10 % or 0.3 L/s")
_VOLUME = Tolerance(0.05, 0.03, "ISO 26782: 3 % or 0.05 L")
_STATE = Tolerance(0.0, 0.0, "another state is wrong")
TOLERANCES: Mapping[Measure, Tolerance] = {
    Measure.HEART_RATE: _HEART,
    Measure.PULSE_RATE: _HEART,
    Measure.SPO2: Tolerance(4.0, 0.0, "ISO 80601-2-61: 4 %"),
    Measure.PERFUSION_INDEX: Tolerance(0.2, 0.3, "of the undisturbed run; no norm"),
    Measure.RESPIRATION_RATE: Tolerance(2.0, 0.05, "what its quality speaks of: 2 /min"),
    Measure.TEMPERATURE: Tolerance(0.3, 0.0, "ISO 80601-2-56: 0.3 °C"),
    Measure.POSTURE: _STATE,
    Measure.STEPS: Tolerance(2.0, 0.10, "10 %, and one at each end of 5 s; CTA-2056 has 10 %"),
    Measure.CADENCE: Tolerance(5.0, 0.10, "as a heart rate"),
    Measure.WALKING_SPEED: Tolerance(0.2, 0.15, "of the undisturbed run; no norm"),
    Measure.ACTIVITY: Tolerance(0.02, 0.2, "of the undisturbed run; no norm"),
    Measure.EFFORT: _STATE,
    Measure.DOING: _STATE,
    Measure.TIME_SINCE_BREATH: Tolerance(4.0, 0.1, "of the undisturbed run: a breath more or less"),
    Measure.POSITION_X: Tolerance(5.0, 0.0, "what its quality speaks of: 5 m"),
    Measure.POSITION_Y: Tolerance(5.0, 0.0, "what its quality speaks of: 5 m"),
    Measure.ROOM: _STATE,
    Measure.FVC: _VOLUME,
    Measure.FEV1: _VOLUME,
    Measure.PEF: Tolerance(18.0, 0.10, _FLOW.source),
    Measure.FEF25: _FLOW,
    Measure.FEF50: _FLOW,
    Measure.FEF75: _FLOW,
    Measure.FEF25_75: _FLOW,
    Measure.EXTRAPOLATED_VOLUME: _VOLUME,
    Measure.EXPIRATORY_TIME: Tolerance(1.0, 0.1, "of the undisturbed run; no norm"),
    Measure.END_RISE: _VOLUME,
    Measure.FLOW_REGAINED: Tolerance(0.05, 0.0, "half of what is called a cough"),
    Measure.PRESENCE: _STATE,
    Measure.BREATHING_SEEN: _STATE,
    Measure.FAST_BREATHING: _STATE,
    Measure.PULSE_SEEN: _STATE,
}
NOTHING_MOVES = {
    **dict.fromkeys(
        (
            Measure.STEPS, Measure.CADENCE, Measure.WALKING_SPEED, Measure.ACTIVITY,
            Measure.PRESENCE, Measure.BREATHING_SEEN, Measure.FAST_BREATHING, Measure.PULSE_SEEN,
        ),
        0.0,
    ),
    Measure.EFFORT: 1.0,
}  # fmt: skip
"""What is right where the signal holds nothing."""
BY_DEFINITION = frozenset({Measure.ACTIVITY, Measure.EFFORT})
"""Of what moves, whatever it is: noise and hum have as much of it as they have."""
TREMBLING = frozenset({"50 Hz, ten times the signal", "companion: white noise"})
STILL = frozenset({"signal goes away", "stuck at the rail, 30 s in 60", "flat line, 30 s in 60"})
_VOLUMES = (Measure.FVC, Measure.FEV1)
_LITRES = "a volume is flow by time: 5 % of the clock are 5 % of the volume, more than 3 %"
UNKNOWABLE: Mapping[str, Mapping[Measure, str]] = {
    "leads exchanged": {
        Measure.SPO2: "the ratio of two lights that changed places is that of another saturation",
        Measure.PERFUSION_INDEX: "it is that of the other light",
        Measure.POSTURE: "axes that changed places are another posture",
        Measure.DOING: "axes that changed places are another posture",
    },
    "sign flip": {
        Measure.POSTURE: "a sensor upside down is another posture",
        Measure.DOING: "a sensor upside down is another posture",
    },
    "clock 5 % fast": dict.fromkeys(_VOLUMES, _LITRES),
    "clock 5 % slow": dict.fromkeys(_VOLUMES, _LITRES),
}
"""What no signal can tell, and why: counted, and told apart."""
