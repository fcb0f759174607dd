"""How the network that judges impacts learns: from trials that are falls or not.

Actors fall alike. So that those are found too who sink, or crash, each fall is learned from again
with everything but gravity smaller or larger.

Used by the script that makes the shipped weights, and to score people that it has not seen.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from services.dsp.core.motion import falls
from services.dsp.core.motion.fall_features import GRID_HZ, NAMES, WINDOW, features
from services.dsp.core.motion.fall_network import FallNetwork
from services.dsp.core.windows import Floats

HIDDEN = 8
NETS = 5
# Sizes of the copies; others were tried, docs/science/motion.md. In pockets there is less to learn
# from: with softer copies alone a harder hit came to count against a fall.
AT_WAIST, IN_POCKET = (0.6,), (0.75, 1.25)
DECAY = 0.001  # chosen with HIDDEN by leave-one-subject-out, docs/science/motion.md
STEPS = 150


class Trial(NamedTuple):
    """Numbers (impacts, inputs) of the impacts of one recording; `strongest` of them fell.

    Attributes
    ----------
    copies : (copies, inputs), the numbers of the strongest if it had been of other sizes
    """

    numbers: Floats
    strongest: int
    is_fall: bool
    copies: Floats


def learn(trials: Iterable[Trial]) -> FallNetwork:
    """A network from trials, falls and others weighing alike.

    Of a fall its strongest impact is one, and each of its copies; the impacts of another trial
    share its weight by the root of their number.
    """
    numbers, wanted, weight = [], [], []
    for trial in trials:
        if not len(trial.numbers):
            continue
        if trial.is_fall:
            numbers += [trial.numbers[[trial.strongest]], trial.copies]
            wanted.append(np.ones(1 + len(trial.copies)))
            weight.append(np.ones(1 + len(trial.copies)))
            continue
        n = len(trial.numbers)
        numbers.append(trial.numbers)
        wanted.append(np.zeros(n))
        weight.append(np.full(n, 1 / np.sqrt(n)))
    x, y, w = np.concatenate(numbers), np.concatenate(wanted), np.concatenate(weight)
    w[y == 1] *= w[y == 0].sum() / w[y == 1].sum()
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    nets = [_net((x - mean) / spread, y, w / w.sum(), seed) for seed in range(NETS)]
    weights, offsets, out, bias = (np.array(part) for part in zip(*nets, strict=True))
    return FallNetwork(mean, spread, weights, offsets, out, bias)


def _net(x: Floats, y: Floats, w: Floats, seed: int) -> tuple[Floats, Floats, Floats, float]:
    d = x.shape[1]
    # Starts from fixed sines, as good as drawn numbers: the core draws none.
    k = np.arange(d * HIDDEN + HIDDEN) + 1 + 1000 * seed
    start = np.sin(12.9898 * k * k)
    first = np.concatenate(
        (start[: d * HIDDEN] / np.sqrt(d), np.zeros(HIDDEN), start[d * HIDDEN :] / 3, [0.0])
    )

    def parts(p: Floats) -> tuple[Floats, Floats, Floats, float]:
        at = d * HIDDEN
        return p[:at].reshape(d, HIDDEN), p[at : at + HIDDEN], p[at + HIDDEN : -1], float(p[-1])

    def loss(p: Floats) -> tuple[float, Floats]:
        weights, offsets, out, bias = parts(p)
        hidden = np.tanh(x @ weights + offsets)
        says = hidden @ out + bias
        cost = (w * (np.logaddexp(0, says) - y * says)).sum()
        cost += DECAY / 2 * ((weights**2).sum() + (out**2).sum())
        back = w * (1 / (1 + np.exp(-says)) - y)
        inner = back[:, None] * out * (1 - hidden * hidden)
        slope = np.concatenate(
            (
                (x.T @ inner + DECAY * weights).ravel(),
                inner.sum(axis=0),
                hidden.T @ back + DECAY * out,
                [back.sum()],
            )
        )
        return float(cost), slope

    return parts(minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x)


def trials_of(
    samples: list[Floats], is_fall: list[bool], rate_hz: int, *, sizes: tuple[float, ...]
) -> list[Trial]:
    """What the shipped estimator would ask of recordings (n, 3) of one rate.

    Parameters
    ----------
    sizes : of the copies
    """
    seconds = max(-(-len(each) // rate_hz) for each in samples) + falls.WAIT_S + 2
    rows = np.full((len(samples), falls.N_CHANNELS, seconds * rate_hz), np.nan)
    for row, each in zip(rows, samples, strict=True):
        row[:, : len(each)] = each.T
    state = falls.init(len(samples), rate_hz)
    told: list[list[Floats]] = [[] for _ in samples]
    for second in range(seconds):
        block = rows[:, :, second * rate_hz : (second + 1) * rate_hz]
        state, found = falls.impacts(state, block)
        for row, around in zip(found.row, found.around, strict=True):
            told[row].append(around)
    size = NAMES.index("peak")
    trials = []
    for impacts, fell in zip(told, is_fall, strict=True):
        around = np.array(impacts).reshape(len(impacts), falls.N_CHANNELS, WINDOW)
        numbers = features(around)
        strongest = int(numbers[:, size].argmax()) if len(numbers) else 0
        hit = around[strongest : strongest + 1]
        copies = np.concatenate([features(resized(hit, share)) for share in sizes])
        trials.append(Trial(numbers, strongest, fell, copies))
    return trials


def resized(around: Floats, size: float) -> Floats:
    """Impacts (rows, 3, WINDOW) with what is not gravity, the mean of a second, of another size."""
    half = GRID_HZ // 2
    known = np.pad(np.nan_to_num(around), ((0, 0), (0, 0), (half, half)), mode="edge")
    n = around.shape[2]
    gravity = sum(known[:, :, k : k + n] for k in range(2 * half + 1)) / (2 * half + 1)
    changed: Floats = gravity + size * (around - gravity)
    return changed
