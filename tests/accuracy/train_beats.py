"""Makes ``services/dsp/core/ecg/beat_weights.py``: ``python -m tests.accuracy.train_beats``.

Learns from the MIT-BIH Arrhythmia Database and the MIT-BIH Noise Stress Test Database (PhysioNet,
ODC-BY 1.0) beside the repository. Five groups of three people, each judged by nets that learned
from the other four, give the score on people whom the nets have not seen; then nets learn from
all and, with ``--write``, become the weights. Nothing of it runs in the service.

Learning: clean records; the same with electrode motion (6, 0 and -6 dB) and with muscle and
baseline noise (3 dB) mixed in as the noise stress test does, but the second channel of the noise
records, rolled by 100 s, so that no scorer's noise is the same; a copy that is 1.15 times faster;
the second lead; and a copy whose gain wanders by a factor of 1.6 within a second or two, as height
alone is no evidence. Noisy copies weigh 0.6, other copies 0.5; ectopic beats 3, as they are rare.
The second net is the mean of two: the other one is not told that ectopic beats weigh more, and
begins elsewhere. What the first net says of a person is always said by one that has not seen that
person, because its verdicts choose the beats that the second net compares with.
"""

import argparse
import sys
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from services.dsp.core.ecg import beat_weights, candidates, nets, paths, templates
from services.dsp.core.ecg.bands import ENVELOPE_HZ
from services.dsp.core.ecg.beats import summit_us
from services.dsp.core.ecg.candidates import Candidates
from tests.accuracy.recordings import (
    MITDB,
    NSTDB,
    EcgRecord,
    as_mixed,
    ecg_record,
    leads,
    record_names,
)
from tests.accuracy.scores import BeatScore, beat_score
from tests.accuracy.streams import as_rows
from tests.accuracy.two_leads import beats_of_two

Floats = NDArray[Any]
GROUPS = (
    {"118", "119", "232"}, {"100", "105", "207"}, {"106", "108", "215"}, {"208", "203", "114"},
    {"200", "222", "228"},
)  # fmt: skip
FIRST_UNITS, SECOND_UNITS = (24, 12), (32, 16)
RARE = 3.0  # weight of an ectopic beat
SEEDS = (0, 7)
FIRST_PASSES, SECOND_PASSES = 15, 20
BATCH, RATE, DECAY = 2048, 3e-3, 1e-4
NEAR_S = 0.12  # of the candidate of an annotated beat
FASTER = 1.15
GAIN_HZ, GAIN_SPREAD = 10, 0.45  # of the logarithm of the gain
MORE_S = 2  # after the end: they bring out what waits
SCORED_DB = (24, 18, 12, 6, 0, -6)
SCORED = ("118", "119")
START_S = 1_700_000_000
RATE_HZ = 360
TARGET = Path(candidates.__file__).with_name("beat_weights.py")


class Case(NamedTuple):
    """One record in one state of noise."""

    record: EcgRecord
    kind: str
    speed: float
    weight: float
    lead: Floats


class Found(NamedTuple):
    """All candidates of all cases, second by second; `case` is the row of each."""

    n_cases: int
    cut: NDArray[np.int64]
    second: NDArray[np.int64]
    seen: Candidates
    t_s: Floats


def cases(records: list[EcgRecord]) -> list[Case]:
    """What is learned from, and the noise that is scored (weight 0)."""
    motion = np.roll(leads("em", NSTDB)[:, 1], 100 * RATE_HZ)
    muscle, wander = leads("ma", NSTDB)[:, 1], leads("bw", NSTDB)[:, 1]
    both = np.roll(muscle / muscle.std() + wander / wander.std(), 100 * RATE_HZ)
    scored = leads("em", NSTDB)[:, 0]
    made = [Case(each, "clean", 1.0, 1.0, each.lead) for each in records]
    for kind, noise, snr_db in (
        ("em 6", motion, 6), ("em 0", motion, 0), ("em -6", motion, -6), ("ma+bw 3", both, 3),
    ):  # fmt: skip
        made += [Case(each, kind, 1.0, 0.6, as_mixed(each, noise, snr_db)) for each in records]
    for each in records:
        places = np.arange(0, len(each.lead) - 1, FASTER)
        lead = np.interp(places, np.arange(len(each.lead)), each.lead)
        made.append(Case(each, "faster", FASTER, 0.5, lead))
    for each in records:
        if each.name in SCORED:
            made += [
                Case(each, f"scored {snr_db}", 1.0, 0.0, as_mixed(each, scored, snr_db))
                for snr_db in SCORED_DB
            ]
    rng = np.random.default_rng(5)
    for each in records:
        second_lead = leads(each.name, MITDB)[:, 1]
        made.append(Case(each, "second lead", 1.0, 0.5, second_lead))
    for each in records:
        lead = (each.lead - np.median(each.lead)) * _wandering_gain(len(each.lead), rng)
        made.append(Case(each, "wandering gain", 1.0, 0.5, lead))
    return made


def _wandering_gain(n: int, rng: np.random.Generator) -> Floats:
    """Around 1: its logarithm is noise smoothed over about a second."""
    bell = np.exp(-0.5 * (np.arange(-40, 41) / (GAIN_HZ / 2)) ** 2)
    walk = np.convolve(rng.standard_normal(n * GAIN_HZ // RATE_HZ + 2), bell, "same")
    knots = np.arange(len(walk)) * RATE_HZ / GAIN_HZ
    spread = GAIN_SPREAD / np.sqrt((bell**2).sum())
    return np.asarray(np.exp(spread * np.interp(np.arange(n), knots, walk)))


def candidates_of(made: list[Case]) -> Found:
    """The candidates of all cases, as the service finds them."""
    rows = as_rows([case.lead for case in made])
    rows = np.pad(rows, ((0, 0), (0, MORE_S * RATE_HZ)), constant_values=np.nan)
    state = candidates.init(len(rows), RATE_HZ)
    found: list[Candidates] = []
    seconds = rows.shape[1] // RATE_HZ
    for number in range(seconds):
        block = rows[:, number * RATE_HZ : (number + 1) * RATE_HZ]
        state, seen = candidates.step(state, block)
        found.append(seen)
    cut = np.cumsum([0, *(len(each.row) for each in found)])
    second = np.repeat(np.arange(seconds), np.diff(cut))
    together = Candidates._make(np.concatenate(column) for column in zip(*found, strict=True))
    t_s = second + (together.place - candidates.AHEAD) / ENVELOPE_HZ
    return Found(len(rows), cut, second, together, np.asarray(t_s, dtype=np.float64))


def labels(made: list[Case], found: Found) -> tuple[Floats, Floats, Floats]:
    """Whether each candidate is a beat (the nearest one of each annotated beat), its weight.

    The last is by how much more an ectopic beat weighs.
    """
    is_beat, weight, rare = (make(len(found.t_s)) for make in (np.zeros, np.ones, np.ones))
    for row, case in enumerate(made):
        mine = np.flatnonzero(found.seen.row == row)
        t_s, beats_s = found.t_s[mine], case.record.beats_s / case.speed
        after = np.clip(np.searchsorted(t_s, beats_s), 1, len(t_s) - 1)
        nearer = np.abs(t_s[after - 1] - beats_s) < np.abs(t_s[after] - beats_s)
        best = np.where(nearer, after - 1, after)
        has_one = np.abs(t_s[best] - beats_s) <= NEAR_S
        is_beat[mine[best[has_one]]] = 1
        is_rare = np.isin(case.record.classes[has_one], ["V", "S", "F"])
        rare[mine[best[has_one]]] = np.where(is_rare, RARE, 1)
        for begin, end in case.record.flutter_s:
            inside = (t_s >= begin / case.speed - 0.2) & (t_s <= end / case.speed + 0.2)
            weight[mine[inside]] = 0
        is_noisy = (t_s > 300) & ((t_s - 300) % 240 < 120)  # else it is the clean copy again
        weight[mine] *= case.weight * (is_noisy if case.weight == 0.6 else 1)
    return is_beat, weight, rare


def learn_both(features: Floats, is_beat: Floats, weight: Floats, rare: Floats) -> nets.Net:
    """The second net: the mean of two."""
    return mean_of([
        learn(features, is_beat, each, SECOND_UNITS, SECOND_PASSES, seed)
        for each, seed in zip((weight * rare, weight), SEEDS, strict=True)
    ])  # fmt: skip


def mean_of(all_of: list[nets.Net]) -> nets.Net:
    """One net that gives the mean of several of the same size."""
    joined: list[tuple[Floats, Floats]] = []
    for layer in zip(*(each.layers for each in all_of), strict=True):
        offset = np.concatenate([offset for _, offset in layer])
        parts = [weights for weights, _ in layer]
        together = block_diag(*parts) if joined else np.concatenate(parts, axis=1)
        joined.append((together, offset))
    weights, offset = joined.pop()
    n = len(all_of)
    last = np.rint(weights.sum(axis=1, keepdims=True) / n)
    middle = np.rint(offset.sum(keepdims=True) / n / nets.INPUT_UNIT) * nets.INPUT_UNIT
    return nets.Net((*joined, (last, middle)))


def learn(
    features: Floats, is_beat: Floats, weight: Floats, units: tuple[int, ...], passes: int,
    seed: int = 0,
) -> nets.Net:  # fmt: skip
    """A net of tanh units by Adam; its inputs are the features as they are."""
    keep = weight > 0
    x = np.clip(features[keep], -nets.BOUND, nets.BOUND)
    y, w = is_beat[keep].astype(np.float32), weight[keep].astype(np.float32)
    mean, spread = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64) + 1e-3
    x = ((x - mean) / spread).astype(np.float32)
    rng = np.random.default_rng(seed)
    sizes = (x.shape[1], *units, 1)
    values: list[Floats] = []
    for a, b in pairwise(sizes):
        start = rng.normal(0, 1 / np.sqrt(a), (a, b)).astype(np.float32)
        values += [start, np.zeros(b, dtype=np.float32)]
    first, second = [np.zeros_like(v) for v in values], [np.zeros_like(v) for v in values]
    turns, turn = passes * (len(x) // BATCH), 0
    for _ in range(passes):
        order = rng.permutation(len(x))
        for begin in range(0, len(x) - BATCH + 1, BATCH):
            at = order[begin : begin + BATCH]
            turn += 1
            rate = np.float32(RATE * 0.5 * (1 + np.cos(np.pi * turn / turns)))
            for k, slope in enumerate(_slopes(values, x[at], y[at], w[at])):
                first[k] = 0.9 * first[k] + 0.1 * slope
                second[k] = 0.999 * second[k] + 0.001 * slope**2
                scaled = first[k] / (1 - 0.9**turn)
                scaled = scaled / (np.sqrt(second[k] / (1 - 0.999**turn)) + 1e-8)
                values[k] = values[k] - rate * (scaled + np.float32(DECAY) * values[k])
    weights = values[0] / spread[:, None]
    layers = [(weights, values[1] - mean @ weights)]
    layers += [(values[k], values[k + 1]) for k in range(2, len(values), 2)]
    return nets.net(layers)


def _slopes(values: list[Floats], x: Floats, y: Floats, w: Floats) -> list[Floats]:
    inner = [x]
    for k in range(0, len(values) - 2, 2):
        inner.append(np.tanh(inner[-1] @ values[k] + values[k + 1]))
    chance = 1 / (1 + np.exp(-(inner[-1] @ values[-2] + values[-1])[:, 0]))
    back = ((chance - y) * w / len(x))[:, None].astype(np.float32)
    slopes: list[Floats] = []
    for k in range(len(values) - 2, -1, -2):
        slopes = [inner[k // 2].T @ back, back.sum(axis=0), *slopes]
        back = (back @ values[k].T) * (1 - inner[k // 2] ** 2)
    return slopes


def fits_of(found: Found, odds: Floats) -> Floats:
    """The features of the templates, when `odds` choose what teaches."""
    state = templates.init(found.n_cases)
    told = []
    for second, (begin, end) in enumerate(pairwise(found.cut)):
        part = _part(found.seen, begin, end)
        now = np.full(found.n_cases, START_S + second)
        state, _, fits = templates.step(state, part, odds[begin:end], now, least=-np.inf)
        told.append(fits)
    return np.concatenate(told)


class Unseen(NamedTuple):
    """What nets say that have not seen the person.

    Attributes
    ----------
    pairs : both nets by group of people, of which they have seen none
    both : features of each candidate, with those of the templates
    first, odds : log odds by the first net, and by the second one
    """

    pairs: list[tuple[nets.Net, nets.Net]]
    both: Floats
    first: Floats
    odds: Floats


def of_others(made: list[Case], found: Found) -> Unseen:
    """Each group of people judged by nets that learned from the other groups."""
    is_beat, weight, rare = labels(made, found)
    group_of = {name: number for number, names in enumerate(GROUPS) for name in names}
    group = np.array([group_of[case.record.name] for case in made])[found.seen.row]
    first, odds = np.zeros(len(is_beat)), np.zeros(len(is_beat))
    alone = found.seen.features
    before: list[nets.Net] = []
    for number in range(len(GROUPS)):
        others, mine = group != number, group == number
        one = learn(
            alone[others], is_beat[others], (weight * rare)[others], FIRST_UNITS, FIRST_PASSES
        )
        first[mine] = one.log_odds(alone[mine])
        before.append(one)
    both = np.concatenate((alone, fits_of(found, first)), axis=1)
    pairs = []
    for number, one in enumerate(before):
        others, mine = group != number, group == number
        two = learn_both(both[others], is_beat[others], weight[others], rare[others])
        odds[mine] = two.log_odds(both[mine])
        pairs.append((one, two))
    return Unseen(pairs, both, first, odds)


def beats_of(found: Found, first: Floats, odds: Floats) -> list[Floats]:
    """Times of the beats of each case, s, as the service decides."""
    state, told = paths.init(found.n_cases), []
    nothing = np.zeros((len(odds), paths.SEEN), dtype=np.float32)
    for second, (begin, end) in enumerate(pairwise(found.cut)):
        part = _part(found.seen, begin, end)
        now = np.full(found.n_cases, START_S + second)
        state, decided = paths.step(
            state, part.row, part.place, summit_us(part.shape), odds[begin:end],
            first[begin:end], nothing[begin:end], now,
        )  # fmt: skip
        told.append((decided.row, decided.t / 1e6 - START_S))
    row, t_s = (np.concatenate(column) for column in zip(*told, strict=True))
    return [t_s[row == k] for k in range(found.n_cases)]


def _part(seen: Candidates, begin: int, end: int) -> Candidates:
    return Candidates._make(column[begin:end] for column in seen)


def report(made: list[Case], told: list[Floats]) -> None:
    """Scores on people whom the judging nets have not seen."""
    total: dict[str, BeatScore] = {}
    for case, found_s in zip(made, told, strict=True):
        score = beat_score(
            case.record.beats_s / case.speed, np.sort(found_s), end_s=len(case.lead) / RATE_HZ,
            left_out=[(a / case.speed, b / case.speed) for a, b in case.record.flutter_s],
        )  # fmt: skip
        total[case.kind] = total.get(case.kind, BeatScore(0, 0, 0)).plus(score)
        if case.kind in ("clean", "two leads"):
            print(f"  {case.record.name}: {score.f1_percent:.2f} {tuple(score)}")
    for kind, score in total.items():
        print(f"unseen people, {kind}: F1 {score.f1_percent:.2f} % {tuple(score)}")
    scored = BeatScore(0, 0, 0)
    for kind, score in total.items():
        scored = scored.plus(score) if kind.startswith("scored") else scored
    if scored != BeatScore(0, 0, 0):
        print(f"unseen people, scored noise together: F1 {scored.f1_percent:.2f} %", flush=True)


def as_module(first: nets.Net, second: nets.Net) -> str:
    """The weights as Python."""

    def block(one: nets.Net) -> str:
        lines = textwrap.wrap(nets.as_text(one), 88)
        return "\n".join(f"    {line!r}".replace("'", '"') for line in lines)

    return "\n".join((
        '"""Weights of the two nets that judge beats, as `nets.from_text` reads them.',
        "",
        "Written by ``python -m tests.accuracy.train_beats --write``, which tells from what. Never",
        "by hand.",
        '"""',
        "",
        "# fmt: off",
        f"FIRST_UNITS = {FIRST_UNITS}",
        f"FIRST = (\n{block(first)}\n)",
        f"SECOND_UNITS = {tuple(len(SEEDS) * n for n in SECOND_UNITS)}",
        f"SECOND = (\n{block(second)}\n)",
        "",
    ))  # fmt: skip


def main() -> int:
    """Learn, report, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the weights of the service")
    options = parser.parse_args()
    made = cases([ecg_record(name) for name in record_names()])
    found = candidates_of(made)
    is_beat, weight, rare = labels(made, found)
    _, both, first, odds = of_others(made, found)
    report(made, beats_of(found, first, odds))
    clean, second = ([k for k, case in enumerate(made) if case.kind == kind]
                     for kind in ("clean", "second lead"))  # fmt: skip
    told = beats_of_two(found.seen, found.cut, (clean, second), first, odds, START_S)
    report([made[k]._replace(kind="two leads") for k in clean], told)
    if options.write:
        alone = found.seen.features
        first_net = learn(alone, is_beat, weight * rare, FIRST_UNITS, FIRST_PASSES)
        second_net = learn_both(both, is_beat, weight, rare)
        TARGET.write_text(as_module(first_net, second_net))
        print(f"written: {TARGET.name}, before: {len(beat_weights.SECOND)} characters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
