"""What the beats of this person look like: sure beats of a minute and a half, and how well each new
candidate fits them.

One beat is kept for each two seconds: of those that are sure, if the time was quiet, now the
surest and now the least sure, so that rare kinds of beats are known too. A
candidate is compared with all of them: the best fit, and the share of those that fit well.
Nothing is averaged or grouped, so that nothing has to be unlearned, and all is forgotten after
`KEPT_S`.

Hot path. Shapes are whole numbers of unit length, so that every sum of products is exact in
single precision and does not depend on its order.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.conditioning import functions
from services.dsp.core.conditioning.filters import FilterBank, filter_bank, filtered
from services.dsp.core.ecg.candidates import QRS_SHAPE, SHAPE, Candidates, order_in_row
from services.dsp.core.windows import Instants, Rows, Samples, shifted

SLOT_S = 2
SLOTS = 48
KEPT_S = SLOT_S * SLOTS
SURE = 1.5  # log odds of a beat that teaches
HOPELESS = -6.0  # log odds: one in 400; not worth comparing
QUIET = 0.12  # mean doubt of the last `QUIET_S` seconds in which a beat may teach
QUIET_S = 4
SHIFTS = (-2, -1, 0, 1, 2)  # of TRACE_HZ: the middle of an envelope moves by 8 to 16 ms in noise
WAVE_SHIFTS = (-1, 0, 1)  # of ENVELOPE_HZ
OF_SHAPE = np.arange(-12, 15, 2)  # of TRACE_HZ about the middle: 94 ms before to 109 ms after
OF_WAVE = np.arange(-6, 7)  # of ENVELOPE_HZ
SCALE = 4096.0  # doubts are whole numbers of 1/4096
UNIT = 1023  # length of the shape of a candidate
KEPT_UNIT = 127  # length of a kept one: 8 bits
FEATURES = (
    "fit", "fit_wave", "fitting_90", "fitting_75", "fitting_wave_90", "mean_fit", "size_of_best",
    "size_of_all", "kept", "doubt",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatesState:
    """Kept beats by slot (place of the two seconds in the ring), and the doubt of late.

    Attributes
    ----------
    shape, wave : (devices, SLOTS, n), length `KEPT_UNIT`
    size : (devices, SLOTS), logarithm of the envelope
    rank : (devices, SLOTS), by which it was chosen in its slot; 0 in empty slots
    doubt : (devices, QUIET_S, 2), sum and number by second
    """

    shape: NDArray[np.int8]
    wave: NDArray[np.int8]
    size: Samples
    rank: Samples
    doubt: Samples


def init(devices: int) -> TemplatesState:
    """No beat seen yet."""
    return TemplatesState(
        shape=np.zeros((devices, SLOTS, len(OF_SHAPE)), dtype=np.int8),
        wave=np.zeros((devices, SLOTS, len(OF_WAVE)), dtype=np.int8),
        size=np.zeros((devices, SLOTS), dtype=np.float32),
        rank=np.zeros((devices, SLOTS), dtype=np.float32),
        doubt=np.zeros((devices, QUIET_S, 2), dtype=np.float32),
    )


def step(
    state: TemplatesState,
    found: Candidates,
    odds: Samples,
    second: Instants,
    least: float = HOPELESS,
) -> tuple[TemplatesState, Rows, Samples]:
    """Compare the candidates of a second with what was seen before, then keep one.

    Parameters
    ----------
    odds : (candidates,), log odds by what does not know the person
    second : (devices,), number of the second
    least : log odds of candidates that are worth comparing

    Returns
    -------
    state, which candidates were worth comparing, and their features (n, len(FEATURES))
    """
    state = doubted(state, found.row, odds)
    ambiguity = mean_doubt(state)

    worth = np.flatnonzero(odds > least)
    found, odds = found.picked(worth), odds[worth]
    order = order_in_row(found.row)
    width = int(order.max(initial=0)) + 1
    shapes = _units(filtered(found.shape, _shapes()), len(SHIFTS))
    waves = _units(filtered(found.wave, _waves()), len(WAVE_SHIFTS))
    filled = state.rank > 0
    fit = _fits(state.shape, shapes, found.row, order, width)
    fit_wave = _fits(state.wave, waves, found.row, order, width)
    size = functions.log(found.size + np.float32(1e-9))
    features = _features(state, filled, fit, fit_wave, size, found.row, ambiguity)
    slot = (second // SLOT_S) % SLOTS
    fresh = second % SLOT_S == 0
    rows = np.arange(len(second))
    kept = state.rank.copy()
    kept[rows[fresh], slot[fresh]] = 0
    # Now the surest, now the least sure of those that are sure: rare kinds are less sure.
    by_turns = np.where((slot % 2 == 0)[found.row], odds, 1 / np.maximum(odds, SURE))
    rank = np.where((odds > SURE) & (ambiguity[found.row] < QUIET), by_turns, 0.0)
    teacher, by = _teachers(found.row, order, width, rank, kept[rows, slot])
    changed = TemplatesState(
        shape=state.shape.copy(), wave=state.wave.copy(), size=state.size.copy(), rank=kept,
        doubt=state.doubt,
    )  # fmt: skip
    middle, of_wave = len(SHIFTS) // 2, len(WAVE_SHIFTS) // 2
    at = slot[teacher]
    changed.shape[teacher, at] = _short(shapes[by, middle])
    changed.wave[teacher, at] = _short(waves[by, of_wave])
    changed.size[teacher, at] = size[by]
    changed.rank[teacher, at] = rank[by]
    return changed, worth, features


def doubted(state: TemplatesState, row: Rows, odds: Samples) -> TemplatesState:
    """With the doubt in the candidates of one second more."""
    devices = len(state.doubt)
    wrong = np.rint(SCALE / (1 + functions.exp(np.abs(odds))))  # whole numbers: any order of adding
    newest = np.stack((np.bincount(row, wrong, devices), np.bincount(row, None, devices)), axis=1)
    return replace(state, doubt=shifted(state.doubt, newest[:, None].astype(np.float32)))


def mean_doubt(state: TemplatesState) -> Samples:
    """Mean doubt of the last `QUIET_S` seconds, 0 to 0.5: (devices,)."""
    of_late = state.doubt.sum(axis=1, dtype=np.float64)
    return np.asarray(of_late[:, 0] / np.maximum(of_late[:, 1], 1) / SCALE)


def _units(shapes: Samples, shifts: int) -> Samples:
    """(candidates, shifts, n), whole numbers, of length `UNIT`."""
    largest = np.abs(shapes).max(axis=1, initial=0, keepdims=True)
    scaled = np.rint(shapes * (4095 / np.where(largest > 0, largest, 1)))
    whole = scaled.reshape(len(shapes), shifts, shapes.shape[1] // shifts)
    length = np.sqrt(np.einsum("ijk,ijk->ij", whole, whole))[:, :, None]
    return np.rint(whole * (UNIT / np.where(length > 0, length, 1))).astype(np.float32)


def _short(shapes: Samples) -> NDArray[np.int8]:
    """Of length `KEPT_UNIT`."""
    return np.asarray(np.rint(shapes * (KEPT_UNIT / UNIT)), dtype=np.int8)


def _fits(
    kept: NDArray[np.int8],
    shapes: Samples,
    row: NDArray[np.intp],
    order: NDArray[np.intp],
    width: int,
) -> Samples:
    """Correlation of each candidate with each kept beat, best of the shifts."""
    _, shifts, n = shapes.shape
    table = np.zeros((len(kept), width, shifts, n), dtype=np.float32)
    table[row, order] = shapes
    product = table.reshape(len(kept), width * shifts, n) @ kept.transpose(0, 2, 1).astype(
        np.float32
    )
    mine = product.reshape(len(kept), width, shifts, -1)[row, order]
    best = mine[:, 0]
    for shift in range(1, shifts):
        best = np.maximum(best, mine[:, shift])
    return np.asarray(best)


def _features(
    state: TemplatesState,
    filled: NDArray[np.bool_],
    fit: Samples,
    fit_wave: Samples,
    size: Samples,
    row: NDArray[np.intp],
    ambiguity: Samples,
) -> Samples:
    scale = np.float32(UNIT * KEPT_UNIT)
    known = filled[row]
    n = filled.sum(axis=1)[row]
    least = np.maximum(n, 1)
    both = np.where(known, fit + fit_wave, -scale)
    best = np.argmax(both, axis=1)
    has_any = n > 0
    total = np.where(filled, state.size, 0)
    total_fit = np.where(known, fit, np.float32(0)).sum(axis=1)  # whole numbers below 24 bits
    mean_size = np.rint(total * 1024).sum(axis=1) / 1024
    columns = (
        -functions.log(1.05 - np.where(known, fit, -scale).max(axis=1) / scale),
        -functions.log(1.05 - np.where(known, fit_wave, -scale).max(axis=1) / scale),
        (known & (fit > 0.9 * scale)).sum(axis=1) / least,
        (known & (fit > 0.75 * scale)).sum(axis=1) / least,
        (known & (fit_wave > 0.9 * scale)).sum(axis=1) / least,
        total_fit.astype(np.float64) / (scale * least),
        np.where(has_any, size - state.size[row, best], 0),
        np.where(has_any, size - mean_size[row] / least, 0),
        np.minimum(n, 16) / 16,
        ambiguity[row],
    )
    return np.stack(columns, axis=1).astype(np.float32)


def _teachers(
    row: NDArray[np.intp],
    order: NDArray[np.intp],
    width: int,
    rank: Samples,
    kept_rank: Samples,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Devices that keep a beat of this second, and which candidate."""
    table = np.zeros((len(kept_rank), width))
    table[row, order] = rank
    index = np.zeros((len(table), width), dtype=np.intp)
    index[row, order] = np.arange(len(row))
    chosen = np.argmax(table, axis=1)
    best = table[np.arange(len(table)), chosen]
    teacher = np.flatnonzero(best > kept_rank)
    return teacher, index[teacher, chosen[teacher]]


@cache
def _shapes() -> FilterBank:
    """A shape at each shift, smoothed to half the rate, less its mean and its slope."""
    smooth = np.zeros((len(SHAPE), len(SHIFTS) * len(OF_SHAPE)))
    middle = int(np.flatnonzero(SHAPE == 0)[0])
    for i, (shift, place) in enumerate((s, p) for s in SHIFTS for p in OF_SHAPE):
        smooth[middle + shift + place - 1 : middle + shift + place + 2, i] = (0.25, 0.5, 0.25)
    line = np.stack((np.ones(len(OF_SHAPE)), OF_SHAPE - OF_SHAPE.mean()), axis=1)
    line /= np.sqrt((line**2).sum(axis=0))
    off = np.eye(len(OF_SHAPE)) - line @ line.T
    return filter_bank(smooth @ np.kron(np.eye(len(SHIFTS)), off))


@cache
def _waves() -> FilterBank:
    matrix = np.zeros((len(QRS_SHAPE), len(WAVE_SHIFTS) * len(OF_WAVE)))
    middle = len(QRS_SHAPE) // 2
    for i, (shift, place) in enumerate((s, p) for s in WAVE_SHIFTS for p in OF_WAVE):
        matrix[middle + shift + place, i] = 1
    return filter_bank(matrix)
