"""Makes ``services/dsp/core/ecg/rate_quality_weights.py``.

``python -m tests.accuracy.train_rate_quality [--nets FOLDER] [--write]``. Reads the MIT-BIH
Arrhythmia Database and the MIT-BIH Noise Stress Test Database (PhysioNet, ODC-BY 1.0) beside the
repository. Beats are judged by nets that have not seen the person (`train_beats`; kept in FOLDER,
as learning takes minutes) and not this noise: motion of electrodes and muscle are the first
channels of the noise records, the nets have learned from the second ones. A window of ten seconds
is right when its rate lies within 5/min of the annotated beats. Where there is no heart it is
always wrong: the lead turns into white noise, into a random walk, or into muscle or motion alone,
of the height of its complexes, for two minutes in four.

The score is the sum of two logistic regressions, as both are asked: the log odds that the rate is
right, and twice those that the signal is clean. Its table is the share right of bins of the score,
pooled until it rises. What is printed is of people whom neither nets nor regressions nor table
have seen, one record left out after the other.
"""

import argparse
import sys
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from services.dsp.core.ecg import beats, heart_rate, nets
from services.dsp.core.ecg.candidates import FEATURES as OF_CANDIDATES
from services.dsp.core.ecg.heart_rate import WINDOW_S, HeartState
from services.dsp.core.ecg.nets import Net
from services.dsp.core.ecg.templates import FEATURES as OF_TEMPLATES
from tests.accuracy import train_beats
from tests.accuracy.recordings import (
    CLEAN_S,
    NOISY_S,
    NSTDB,
    EcgRecord,
    as_mixed,
    ecg_record,
    leads,
    record_names,
)
from tests.accuracy.scores import rates
from tests.accuracy.streams import START_US, as_rows

Floats = NDArray[np.float64]
TARGET = Path(heart_rate.__file__).with_name("rate_quality_weights.py")
RATE_HZ = 360
NEAR_PER_MIN = 5.0
EACH_S = 5
FIRST_S = 30
MIXED = (("em", 12), ("em", 6), ("em", 0), ("em", -6), ("ma", 6), ("ma", 0), ("ma", -6))
GONE = ("white", "walk", "em", "ma")
CLEAN_COUNTS = 2.0  # times the log odds that a rate is right; 1 tells clean from noisy less well
RIDGE = 1.0
KNOTS = 18
OF_CLEAN = (0.1, 0.3, 0.6)  # of the clean windows: more knots where all are good
MOST, BEST = 0.999, 0.95
BINS = (0.0, 0.3, 0.5, 0.7, 0.85, 0.93, 1.0)
SECOND_US = 1_000_000
HEAD = '''"""Weights of the quality of a heart rate.

Written by ``python -m tests.accuracy.train_rate_quality --write``, which tells from what. Never by
hand.
"""

# fmt: off
'''


class Windows(NamedTuple):
    """Windows of many leads, one a row.

    Attributes
    ----------
    record, kind : of whom, and what disturbs
    is_clean, is_noisy : all of it; the others are of both kinds
    """

    record: NDArray[np.str_]
    kind: NDArray[np.str_]
    features: Floats
    right: NDArray[np.bool_]
    is_clean: NDArray[np.bool_]
    is_noisy: NDArray[np.bool_]

    def picked(self, which: NDArray[np.bool_]) -> "Windows":
        return Windows._make(column[which] for column in self)


def nets_of_others(folder: Path | None) -> list[tuple[Net, Net]]:
    """Both nets of each group of people, which have seen none of it; from a folder if there."""
    sizes = (
        (len(OF_CANDIDATES), *train_beats.FIRST_UNITS, 1),
        (len(OF_CANDIDATES) + len(OF_TEMPLATES),
         *(len(train_beats.SEEDS) * n for n in train_beats.SECOND_UNITS), 1),
    )  # fmt: skip
    files = [] if folder is None else [
        tuple(folder / f"{name}{number}.txt" for name in ("first", "second"))
        for number in range(len(train_beats.GROUPS))
    ]  # fmt: skip
    if not files or not all(file.is_file() for pair in files for file in pair):
        made = train_beats.cases([ecg_record(name) for name in record_names()])
        pairs = train_beats.of_others(made, train_beats.candidates_of(made)).pairs
        for pair, one in zip(files, pairs, strict=bool(files)):
            for file, net in zip(pair, one, strict=True):
                file.write_text(nets.as_text(net))
        return pairs
    texts = [[file.read_text() for file in pair] for pair in files]
    return [
        (nets.from_text(first, sizes[0]), nets.from_text(second, sizes[1]))
        for first, second in texts
    ]


def is_late(n: int) -> NDArray[np.bool_]:
    """Which samples lie in the stretches that `as_mixed` disturbs."""
    t = np.arange(n) / RATE_HZ
    return np.asarray((t >= CLEAN_S) & ((t - CLEAN_S) % (2 * NOISY_S) < NOISY_S))


def noise_of(kind: str, n: int) -> Floats:
    """So many samples of noise of unit height."""
    white = np.random.default_rng(3).standard_normal(n)
    if kind == "walk":
        walk = np.cumsum(white) / np.sqrt(RATE_HZ)
        return np.asarray(walk - walk.mean())
    if kind == "white":
        return white
    told = np.resize(leads(kind, NSTDB)[:, 0], n)
    return np.asarray((told - told.mean()) / told.std())


def disturbed(record: EcgRecord) -> dict[str, Floats]:
    """Its lead in each state of noise."""
    made = {"clean": record.lead}
    for kind, snr_db in MIXED:
        made[f"{kind} {snr_db}"] = as_mixed(record, leads(kind, NSTDB)[:, 0], snr_db)
    low, high = np.percentile(record.lead, (1, 99))
    late = is_late(len(record.lead))
    for kind in GONE:
        noise = (high - low) / 2 * noise_of(kind, len(late))
        made[f"gone, {kind}"] = np.where(late, np.median(record.lead) + noise, record.lead)
    return made


def windows_of(records: list[EcgRecord], pair: tuple[Net, Net]) -> Windows:
    """All windows of some records, judged by these nets."""
    made = [(record, kind, lead) for record in records for kind, lead in disturbed(record).items()]
    rows = as_rows([lead for _, _, lead in made])
    ends = np.arange(FIRST_S, rows.shape[1] // RATE_HZ - 1, EACH_S)
    value, told = _judged(rows, ends, pair)
    late = is_late(rows.shape[1])
    part = np.array([late[(end - WINDOW_S) * RATE_HZ : end * RATE_HZ].mean() for end in ends])
    found = []
    for row, (record, kind, _) in enumerate(made):
        truth = rates(record.beats_s, WINDOW_S, ends.astype(np.float64))
        for begin, end in record.flutter_s:
            truth[(ends > begin) & (ends - WINDOW_S < end)] = np.nan
        noisy = np.zeros(len(ends)) if kind == "clean" else part
        right = np.abs(value[row] - truth) <= NEAR_PER_MIN
        known = np.isfinite(value[row]) & ((kind == "clean") | (ends > CLEAN_S))
        if kind.startswith("gone"):
            right &= noisy == 0
            known &= (noisy == 1) | ((noisy == 0) & np.isfinite(truth))
        else:
            known &= np.isfinite(truth)
        found.append(Windows(
            np.full(len(ends), record.name), np.full(len(ends), kind), told[row], right,
            noisy == 0, noisy == 1,
        ).picked(known))  # fmt: skip
    return _together(found)


def _together(parts: list[Windows]) -> Windows:
    return Windows._make(np.concatenate(column) for column in zip(*parts, strict=True))


def _judged(rows: Floats, ends: NDArray[np.int64], pair: tuple[Net, Net]) -> tuple[Floats, Floats]:
    """Rates (rows, ends) and features (rows, ends, features), as the service has them."""
    kept = beats.first_net, beats.second_net
    beats.first_net, beats.second_net = (lambda: pair[0]), (lambda: pair[1])  # type: ignore[assignment]  # nets of others
    try:
        state: HeartState = heart_rate.init(len(rows), RATE_HZ)
        value, told = [], []
        for second in range(int(ends[-1]) + 1):
            block = rows[:, second * RATE_HZ : (second + 1) * RATE_HZ]
            times = np.full(len(rows), START_US + second * SECOND_US)
            state, output = heart_rate.step(state, block.copy(), times)
            if second in ends:
                inside = heart_rate.inside_of(state.beats, times, WINDOW_S)
                value.append(output.readings[0].value)
                told.append(heart_rate.features(state, inside, WINDOW_S))
    finally:
        beats.first_net, beats.second_net = kept
    return np.stack(value, axis=1), np.stack(told, axis=1)


def regression(features: Floats, wanted: NDArray[np.bool_]) -> Floats:
    """Weights and offset of the log odds."""
    middle, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    z = np.column_stack(((features - middle) / scale, np.ones(len(features))))
    sign = np.where(wanted, 1.0, -1.0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        margin = sign * (z @ weights)
        slope = -(sign / (1 + np.exp(margin))) @ z
        slope[:-1] += 2 * RIDGE * weights[:-1]
        fit = np.logaddexp(0, -margin).sum() + RIDGE * np.square(weights[:-1]).sum()
        return float(fit), slope

    best = optimize.minimize(loss, np.zeros(z.shape[1]), jac=True, method="BFGS").x
    return np.append(best[:-1] / scale, best[-1] - (best[:-1] / scale) @ middle)


class Learned(NamedTuple):
    weights: Floats  # and the offset at the end
    knots: tuple[Floats, Floats]

    def score(self, features: Floats) -> Floats:
        return np.asarray(features @ self.weights[:-1] + self.weights[-1])

    def quality(self, features: Floats) -> Floats:
        return np.asarray(np.interp(self.score(features), *self.knots))


def learned(windows: Windows) -> Learned:
    """Score and table of such windows."""
    pure = windows.is_clean | windows.is_noisy
    is_right = regression(windows.features, windows.right)
    is_clean = regression(windows.features[pure], windows.is_clean[pure])
    weights = is_right + CLEAN_COUNTS * is_clean
    score = windows.features @ weights[:-1] + weights[-1]
    return Learned(weights, table(score, windows))


def table(score: Floats, windows: Windows) -> tuple[Floats, Floats]:
    """Share right by score: bins of as many noisy windows each and of clean ones, pooled until it
    rises.
    """
    noisy = np.quantile(score[~windows.is_clean], np.linspace(0, 1, KNOTS + 1)[1:-1])
    edges = np.unique(np.append(noisy, np.quantile(score[windows.is_clean], OF_CLEAN)))
    place = np.searchsorted(edges, score)
    pooled: list[list[float]] = []
    for k in range(len(edges) + 1):
        mine = place == k
        pooled.append([float(mine.sum()), float(windows.right[mine].sum()), score[mine].sum()])
        while len(pooled) > 1 and _share(pooled[-2]) >= _share(pooled[-1]):
            last = pooled.pop()
            pooled[-1] = [a + b for a, b in zip(pooled[-1], last, strict=True)]
    best = float(np.quantile(score[windows.is_clean], BEST))  # the best stay in their order
    return (
        np.array([*(total / n for n, _, total in pooled), best]),
        np.array([*(min(_share(each), MOST) for each in pooled), 1.0]),
    )


def _share(pooled: list[float]) -> float:
    return pooled[1] / max(pooled[0], 1)


def report(windows: Windows, quality: Floats) -> None:
    """Share right by quality, of each kind of noise."""
    out = sys.stdout.write
    out("quality       " + "".join(f"{low:>8g}-{high:<5g}" for low, high in pairwise(BINS)) + "\n")
    groups: dict[str, NDArray[np.bool_]] = {"all": np.ones(len(quality), dtype=np.bool_)}
    for kind in dict.fromkeys(windows.kind.tolist()):
        groups[kind] = (windows.kind == kind) & (windows.is_noisy | (windows.kind == "clean"))
    for kind, mine in groups.items():
        cells = []
        for low, high in pairwise(BINS):
            inside = mine & (quality >= low) & (quality < high + (high == 1))
            share = 100 * windows.right[inside].mean() if inside.any() else np.nan
            cells.append(f"{share:7.1f} {inside.sum():5d} ")
        out(f"{kind:13s} {''.join(cells)}\n")
    clean = windows.is_clean & (windows.kind == "clean")
    out(f"clean windows told (0.3): {100 * (quality[clean] >= 0.3).mean():.2f} %\n")


def main() -> int:
    """Learn, report, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", type=Path, help="folder: where nets of others are kept")
    parser.add_argument("--write", action="store_true", help="write the weights of the service")
    options = parser.parse_args()
    pairs = nets_of_others(options.nets)
    parts = []
    for names, pair in zip(train_beats.GROUPS, pairs, strict=True):
        parts.append(windows_of([ecg_record(name) for name in sorted(names)], pair))
    windows = _together(parts)
    quality = np.empty(len(windows.right))
    for name in record_names():
        mine = windows.record == name
        quality[mine] = learned(windows.picked(~mine)).quality(windows.features[mine])
    report(windows, quality)
    of_all = learned(windows)
    rows = [", ".join(f"{x:.4g}" for x in each) for each in (of_all.weights[:-1], *of_all.knots)]
    first, scores, shares = (
        textwrap.indent(textwrap.fill(row, 90), "    ") + ",\n" for row in rows
    )
    text = f"{HEAD}WEIGHTS = (\n{first})\nOFFSET = {of_all.weights[-1]:.4g}\n"
    text += f"CALIBRATION = ((\n{scores}), (\n{shares}))\n"
    sys.stdout.write(text)
    if options.write:
        TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
