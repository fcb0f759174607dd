"""Makes ``services/dsp/core/ecg/beat_weights.py``: ``python -m tests.accuracy.train_beats``.

Reads the MIT-BIH Arrhythmia Database and the noise records of the MIT-BIH Noise Stress Test
Database (PhysioNet, ODC-BY 1.0) beside the repository. First it reports the score on people whom
the net has not seen (five groups, each judged by a net that learned from the other four), then it
learns from all and, with ``--write``, writes the weights. Nothing of it runs in the service.

Learning: clean records, and the same with electrode motion (6 and 0 dB) and with muscle and
baseline noise (3 dB) mixed in from minute 5 on; the second channel of the noise records, rolled by
100 s, so that no scorer's noise is the same. Ectopic beats weigh 3 (they are rare), noisy copies
0.6. 23 features, 16 tanh units, Adam, 12 passes. Some chosen by looking at all 15 records: the
figures are a little optimistic (docs/science/ecg.md).
"""

import argparse
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.ecg import candidates
from services.dsp.core.ecg.bands import ENVELOPE_HZ
from services.dsp.core.ecg.beats import FEATURE_BOUND
from tests.accuracy.recordings import NSTDB, EcgRecord, as_mixed, ecg_record, leads, record_names
from tests.accuracy.scores import BeatScore, beat_score
from tests.accuracy.streams import as_rows

Floats = NDArray[np.float64]
GROUPS = (
    {"118", "119", "232"}, {"100", "105", "207"}, {"106", "108", "215"}, {"208", "203", "114"},
    {"200", "222", "228"},
)  # fmt: skip
HIDDEN, PASSES, BATCH, RATE, DECAY = 16, 12, 2048, 3e-3, 1e-4
REFRACTORY_S, NEAR_S = 0.2, 0.12
TARGET = Path(candidates.__file__).with_name("beat_weights.py")


class Candidates(NamedTuple):
    """Candidates of one record in one state of noise."""

    t_s: Floats
    features: Floats
    is_beat: Floats
    weight: Floats


class Net(NamedTuple):
    hidden: Floats
    hidden_offset: Floats
    output: Floats
    output_offset: float

    def logit(self, features: Floats) -> Floats:
        inner = np.tanh(features @ self.hidden + self.hidden_offset)
        return np.asarray(inner @ self.output + self.output_offset)


def variants(records: list[EcgRecord]) -> dict[str, Floats]:
    """The first leads as rows: clean, and with noise of three kinds."""
    motion = np.roll(leads("em", NSTDB)[:, 1], 100 * 360)
    muscle, wander = leads("ma", NSTDB)[:, 1], leads("bw", NSTDB)[:, 1]
    both = np.roll(muscle / muscle.std() + wander / wander.std(), 100 * 360)
    made = {"clean": as_rows([record.lead for record in records])}
    for name, noise, snr_db in (("em 6", motion, 6), ("em 0", motion, 0), ("ma+bw 3", both, 3)):
        made[name] = as_rows([as_mixed(record, noise, snr_db) for record in records])
    return made


def candidates_of(rows: Floats, rate_hz: int) -> list[tuple[Floats, Floats]]:
    """Times (s) and features of all candidates of each row."""
    state = candidates.init(len(rows), rate_hz)
    found: list[list[tuple[Floats, Floats]]] = [[] for _ in rows]
    for second in range(rows.shape[1] // rate_hz):
        block = rows[:, second * rate_hz : (second + 1) * rate_hz]
        state, seen = candidates.step(state, block)
        inside = (seen.place >= 0) & (seen.place < ENVELOPE_HZ)
        t_s = second - 1 + (seen.place + candidates.SHIFT) / ENVELOPE_HZ
        for row in range(len(rows)):
            mine = inside & (seen.row == row)
            found[row].append((t_s[mine], seen.features[mine]))
    return [
        (
            np.concatenate([t for t, _ in row]),
            np.clip(np.concatenate([f for _, f in row]), -FEATURE_BOUND, FEATURE_BOUND),
        )
        for row in found
    ]


def labelled(record: EcgRecord, t_s: Floats, features: Floats, *, noisy: bool) -> Candidates:
    """The nearest candidate of each annotated beat is one, all others are not."""
    is_beat, weight = np.zeros(len(t_s)), np.ones(len(t_s))
    for beat, kind in zip(record.beats_s, record.classes, strict=True):
        after = int(np.searchsorted(t_s, beat))
        near = [k for k in (after - 1, after) if 0 <= k < len(t_s)]
        best = min(near, key=lambda k: abs(t_s[k] - beat))
        if abs(t_s[best] - beat) <= NEAR_S:
            is_beat[best] = 1
            weight[best] = 3 if kind in "VSF" else 1
    for begin, end in record.flutter_s:
        weight[(t_s >= begin - 0.2) & (t_s <= end + 0.2)] = 0
    if noisy:
        weight *= np.where(t_s > 300, 0.6, 0)  # before it is the clean copy again
    return Candidates(t_s, features, is_beat, weight)


def learn(sets: list[Candidates], *, seed: int = 0) -> Net:
    """A net from candidates; its inputs are the features as they are."""
    keep = [each.weight > 0 for each in sets]
    x = np.concatenate([each.features[k] for each, k in zip(sets, keep, strict=True)])
    y = np.concatenate([each.is_beat[k] for each, k in zip(sets, keep, strict=True)])
    w = np.concatenate([each.weight[k] for each, k in zip(sets, keep, strict=True)])
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-3
    x = ((x - mean) / spread).astype(np.float32)
    rng = np.random.default_rng(seed)
    values = [
        rng.normal(0, 1 / np.sqrt(x.shape[1]), (x.shape[1], HIDDEN)), np.zeros(HIDDEN),
        rng.normal(0, 1 / np.sqrt(HIDDEN), HIDDEN), np.zeros(1),
    ]  # fmt: skip
    first, second = [np.zeros_like(v) for v in values], [np.zeros_like(v) for v in values]
    turns, turn = PASSES * (len(x) // BATCH), 0
    for _ in range(PASSES):
        order = rng.permutation(len(x))
        for begin in range(0, len(x) - BATCH + 1, BATCH):
            at = order[begin : begin + BATCH]
            inner = np.tanh(x[at] @ values[0] + values[1])
            chance = 1 / (1 + np.exp(-(inner @ values[2] + values[3][0])))
            slope = (chance - y[at]) * w[at] / BATCH
            back = slope[:, None] * values[2] * (1 - inner**2)
            slopes = [x[at].T @ back, back.sum(axis=0), inner.T @ slope, slope.sum(keepdims=True)]
            turn += 1
            rate = RATE * 0.5 * (1 + np.cos(np.pi * turn / turns))
            for k, each in enumerate(slopes):
                first[k] = 0.9 * first[k] + 0.1 * each
                second[k] = 0.999 * second[k] + 0.001 * each**2
                scaled = first[k] / (1 - 0.9**turn)
                scaled = scaled / (np.sqrt(second[k] / (1 - 0.999**turn)) + 1e-8)
                values[k] = values[k] - rate * (scaled + DECAY * values[k])
    hidden = values[0] / spread[:, None]
    return Net(hidden, values[1] - mean @ hidden, values[2], float(values[3][0]))


def beats_of(t_s: Floats, logit: Floats) -> Floats:
    """As the service decides: likelier than not, none likelier within the refractory time."""
    keep = logit > 0
    for apart in range(1, 4):
        near = (t_s[apart:] - t_s[:-apart]) < REFRACTORY_S
        keep[apart:][near & (logit[:-apart] >= logit[apart:])] = False
        keep[:-apart][near & (logit[apart:] > logit[:-apart])] = False
    return t_s[keep]


def report(records: list[EcgRecord], sets: dict[str, list[Candidates]]) -> None:
    """Scores on people whom the judging net has not seen."""
    total = {name: BeatScore(0, 0, 0) for name in sets}
    for group in GROUPS:
        others = [k for k, record in enumerate(records) if record.name not in group]
        net = learn([sets[name][k] for name in sets for k in others])
        for k, record in enumerate(records):
            if record.name not in group:
                continue
            for name, of_records in sets.items():
                found = beats_of(of_records[k].t_s, net.logit(of_records[k].features))
                score = beat_score(
                    record.beats_s, found, end_s=len(record.lead) / record.rate_hz,
                    left_out=record.flutter_s,
                )  # fmt: skip
                total[name] = total[name].plus(score)
                if name == "clean":
                    print(f"  {record.name}: {score.f1_percent:.2f} {tuple(score)}")
    for name, score in total.items():
        print(f"unseen people, {name}: F1 {score.f1_percent:.2f} % {tuple(score)}", flush=True)


def as_module(net: Net) -> str:
    """The weights as Python."""

    def row(values: Floats) -> str:
        return ", ".join(repr(round(float(value), 5)) for value in values) + ","

    def block(text: str, indent: str) -> str:
        return textwrap.fill(text, 96, initial_indent=indent, subsequent_indent=indent)

    hidden = "\n".join(f"    (\n{block(row(each), ' ' * 8)}\n    )," for each in net.hidden)
    return "\n".join((
        f'"""Weights of the beat judge: {len(net.hidden)} features, {HIDDEN} hidden units.',
        "",
        "Written by ``python -m tests.accuracy.train_beats --write``, which tells from what. Never",
        "by hand.",
        '"""',
        "",
        "# fmt: off",
        f"HIDDEN = (\n{hidden}\n)",
        f"HIDDEN_OFFSET = (\n{block(row(net.hidden_offset), '    ')}\n)",
        f"OUTPUT = (\n{block(row(net.output), '    ')}\n)",
        f"OUTPUT_OFFSET = {round(net.output_offset, 5)}",
        "",
    ))  # fmt: skip


def main() -> int:
    """Report, learn, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the weights of the service")
    parser.add_argument("--no-report", action="store_true", help="leave the report out")
    options = parser.parse_args()
    records = [ecg_record(name) for name in record_names()]
    sets = {
        name: [
            labelled(record, t_s, features, noisy=name != "clean")
            for record, (t_s, features) in zip(
                records, candidates_of(rows, records[0].rate_hz), strict=True
            )
        ]
        for name, rows in variants(records).items()
    }
    if not options.no_report:
        report(records, sets)
    net = learn([each for of_records in sets.values() for each in of_records])
    if options.write:
        TARGET.write_text(as_module(net))
        print(f"written: {TARGET.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
