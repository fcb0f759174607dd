"""What two leads of one record say together, of candidates that were judged one by one."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.ecg import leads, paths, templates
from services.dsp.core.ecg.bands import ENVELOPE_HZ
from services.dsp.core.ecg.beats import summit_us
from services.dsp.core.ecg.candidates import Candidates

Floats = NDArray[Any]


def beats_of_two(
    seen: Candidates,
    cut: NDArray[np.int64],
    rows: tuple[list[int], list[int]],
    first: Floats,
    odds: Floats,
    start_s: int,
) -> list[Floats]:
    """Times of the beats, s, of each pair of rows, as the service fuses them.

    Parameters
    ----------
    cut : where the candidates of each second begin
    rows : of the first leads, and of the second ones
    """
    n = len(rows[0])
    lead_of = np.full(int(seen.row.max()) + 1, -1)
    lead_of[rows[0]], lead_of[rows[1]] = 2 * np.arange(n), 2 * np.arange(n) + 1
    doubt = templates.init(2 * n)
    state, told = paths.init(n), []
    for second, (begin, end) in enumerate(pairwise(cut)):
        at = begin + np.flatnonzero(lead_of[seen.row[begin:end]] >= 0)
        at = at[np.argsort(lead_of[seen.row[at]], kind="stable")]
        row = lead_of[seen.row[at]]
        doubt = templates.doubted(doubt, row, first[at])
        judged = leads.Judged(
            row, seen.place[at], summit_us(seen.shape[at]), odds[at], first[at],
            np.zeros((len(at), paths.SEEN), dtype=np.float32),
            np.ones((2 * n, ENVELOPE_HZ), dtype=np.bool_),
        )  # fmt: skip
        both = leads.fused(judged, templates.mean_doubt(doubt))
        now = np.full(n, start_s + second)
        state, decided = paths.step(
            state, both.row, both.place, both.summit_us, both.odds, both.first, both.seen, now
        )
        told.append((decided.row, decided.t / 1e6 - start_s))
    row, t_s = (np.concatenate(column) for column in zip(*told, strict=True))
    return [t_s[row == k] for k in range(n)]
