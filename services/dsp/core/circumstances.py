"""What people told that changes what an estimator makes of samples: `Circumstances`.

What belongs here: whatever a person told about a device, or about where it is, from outside its
samples, that an estimator computes with and that holds from one moment until another, so that a
time that is computed again is computed with what held then. Who wears a device is not here: it
says whose values are, not what they are (`wearers`).
"""

from dataclasses import dataclass, field

from services.dsp.core.motion.stances import Stances
from services.dsp.core.position.places import PlaceMaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """All that is known at a look; what is new is another.

    Attributes
    ----------
    maps : of measured places, and which device calls its channels how
    stances : how sensors sit on their wearers
    """

    maps: PlaceMaps = field(default_factory=PlaceMaps)
    stances: Stances = field(default_factory=Stances)


def nothing_told() -> Circumstances:
    """No maps and no stances."""
    return Circumstances()
