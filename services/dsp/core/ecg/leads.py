"""Two leads of one heart as one: what both say of each place where there may be a beat.

Candidates of the two leads that lie near each other are one. Their log odds are averaged, and so is
the silence of a lead where the other one has a candidate, weighted by how free of doubt each lead
was in the last seconds: artefacts seldom come at the same moment in both, and a complex that one
lead hardly shows the other one does. A lead with missing samples has no say.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.ecg.bands import ENVELOPE_HZ
from services.dsp.core.windows import Floats, Instants, Rows, Samples

NEAR = 5  # of ENVELOPE_HZ: 78 ms, between the middles of one complex in two leads
SILENT = -3.0  # log odds of a place where a lead has no candidate at all
DOUBTLESS = 0.01  # mean doubt below which a lead is as good as one without
LEADING = 0.3  # weight from which the first lead gives the time: intervals stay of one lead


class Judged(NamedTuple):
    """Candidates of a second with their odds, by row, then by place.

    Attributes
    ----------
    row, place : as in `Candidates`
    summit_us : from its place to its largest deflection
    odds, first : log odds with and without what is known of the person
    seen : what else is told of a beat
    covered : (rows, ENVELOPE_HZ), where there was signal to judge
    """

    row: Rows
    place: Rows
    summit_us: Instants
    odds: Floats
    first: Floats
    seen: Samples
    covered: NDArray[np.bool_]


def fused(judged: Judged, doubt: Samples) -> Judged:
    """What two rows for each device say together, as one row a device.

    Parameters
    ----------
    judged : of rows 2 k and 2 k + 1 for device k
    doubt : (rows,), mean doubt of the last seconds, 0 to 0.5
    """
    devices = len(judged.covered) // 2
    covered = judged.covered.reshape(devices, 2, ENVELOPE_HZ)
    trust = np.where(covered.any(axis=2), 1 / (doubt.reshape(devices, 2) + DOUBTLESS), 0.0)
    device, lead = judged.row // 2, judged.row % 2
    partner = _partners(judged, devices)
    paired = partner >= 0
    other_place = np.where(paired, judged.place[partner], judged.place)
    heard = covered[device, 1 - lead, other_place] & (trust[device, 1 - lead] > 0)
    mine, theirs = trust[device, lead], np.where(heard, trust[device, 1 - lead], 0.0)
    share = np.where(heard, mine / np.maximum(mine + theirs, 1e-9), 1.0)

    def together(odds: Floats) -> Floats:
        across = np.where(paired, odds[partner], SILENT)
        return np.asarray(share * odds + (1 - share) * across)

    # Of a pair one stays: that of the first lead, unless the second one is much better.
    leading = np.where(share >= LEADING, 0, 1)
    leading = np.where(lead == 0, leading, np.where(1 - share >= LEADING, 0, 1))
    stays = np.flatnonzero(~paired | (lead == leading))
    stays = stays[np.lexsort((judged.place[stays], device[stays]))]
    return Judged(
        device[stays],
        judged.place[stays],
        judged.summit_us[stays],
        together(judged.odds)[stays],
        together(judged.first)[stays],
        judged.seen[stays],
        np.asarray(covered.any(axis=1)),
    )


def _partners(judged: Judged, devices: int) -> Rows:
    """The candidate of the other lead that is nearest to each, both ways; -1 for none."""
    n = np.arange(len(judged.row))
    at = np.full((2 * devices, ENVELOPE_HZ + 2 * NEAR), -1, dtype=np.intp)
    at[judged.row, judged.place + NEAR] = n
    other = judged.row ^ 1
    nearest = np.full(len(n), -1, dtype=np.intp)
    for apart in sorted(range(-NEAR, NEAR + 1), key=abs):
        seen = at[other, judged.place + NEAR + apart]
        nearest = np.where(nearest < 0, seen, nearest)
    mutual = (nearest >= 0) & (nearest[nearest] == n)
    return np.where(mutual, nearest, -1)
