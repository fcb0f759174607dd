"""Makes ``services/dsp/core/ecg/class_weights.py``: ``python -m tests.accuracy.train_classes``.

Reads the MIT-BIH Arrhythmia Database (PhysioNet, ODC-BY 1.0) beside the repository. First it
reports the classes of people whom the net has not seen: five groups of three records, each judged
by the whole estimator with a net that learned from the other twelve. Then it learns from all and,
with ``--write``, writes the weights. Nothing of it runs in the service.

Learning: V against N and S (fusion beats are left out), one example a beat, as the estimator sees
it when it judges. Half of the nets learn from the first leads, half from both, each lead as if it
were the only one: the same beats from another side, so that they know more shapes than there are
people. In each lead each of the two classes weighs the square root of its number, so that no
patient with thousands of ectopic beats decides for all.
"""

import argparse
import json
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.ecg import class_weights, classes, heart_rate, ring
from services.dsp.core.ecg.classes import LOGIT_BOUND
from shared.contracts.beats import BeatClass
from tests.accuracy.recordings import EcgRecord, ecg_record, record_names
from tests.accuracy.scores import LEARNING_S, MATCH_S, pairs
from tests.accuracy.streams import SECOND_US, START_US, as_rows

Floats = NDArray[np.float64]
GROUPS = (
    {"118", "119", "232"}, {"100", "105", "207"}, {"106", "108", "215"}, {"208", "203", "114"},
    {"200", "222", "228"},
)  # fmt: skip
HIDDEN, EXAMPLES, BATCH, RATE, DECAY = 12, 1_600_000, 1024, 5e-3, 1e-3
SEEDS = (0, 1, 2)
TARGET = Path(classes.__file__).with_name("class_weights.py")


class Net(NamedTuple):
    """Weights in the form of ``class_weights.py``; several nets side by side are one."""

    hidden: Floats
    hidden_offset: Floats
    output: Floats
    output_offset: float

    def use(self) -> None:
        """Let the estimator judge by these weights from now on."""
        classes._net.cache_clear()
        for name, value in zip(("HIDDEN", "HIDDEN_OFFSET", "OUTPUT"), self[:3], strict=True):
            setattr(class_weights, name, value)
        setattr(class_weights, "OUTPUT_OFFSET", self.output_offset)  # noqa: B010  # a constant


class Told(NamedTuple):
    """Beats of one record as the estimator sees them when it judges."""

    t_s: Floats
    classes: NDArray[np.int8]
    features: Floats


class Lesson(NamedTuple):
    """One person by either lead, each told as if it were the only one."""

    record: EcgRecord
    first: Told
    second: Told


def run(records: list[EcgRecord]) -> list[Told]:
    """The estimator over records of one length and rate, in rows."""
    rows = as_rows([record.lead for record in records])
    rate_hz, n = records[0].rate_hz, len(records)
    heart, state = heart_rate.init(n, rate_hz), ring.init(n, rate_hz)
    seen: list[list[tuple[Floats, NDArray[np.int8], Floats]]] = [[] for _ in records]
    for second in range(rows.shape[1] // rate_hz + ring.DELAY_S + 1):
        block = np.full((n, rate_hz), np.nan)
        given = rows[:, second * rate_hz : (second + 1) * rate_hz]
        block[:, : given.shape[1]] = given
        times = np.full(n, START_US + second * SECOND_US)
        heart, output = heart_rate.step(heart, block, times)
        state, told = classes.step(state, block, times, output)
        assert told.beats is not None
        assert told.beats.classes is not None
        row, at = ring.due(state.ring, times)
        features = classes.judge(state.ring, times).features[row, at]
        for k in range(n):
            mine = row == k
            t_s = (told.beats.t[mine] - START_US) / SECOND_US
            seen[k].append((t_s, told.beats.classes[mine], features[mine]))
    return [Told(*(np.concatenate(part) for part in zip(*each, strict=True))) for each in seen]


def labels(record: EcgRecord, t_s: Floats) -> tuple[NDArray[np.str_], list[tuple[float, str]]]:
    """Annotated class of each beat ("O": none, "-": in flutter), and the beats that were missed."""
    of_beat = np.full(len(t_s), "O")
    missed = []
    for i, j in pairs(record.beats_s, t_s):
        if j < 0:
            missed.append((float(record.beats_s[i]), str(record.classes[i])))
        elif i >= 0:
            of_beat[j] = record.classes[i]
    for begin, end in record.flutter_s:
        of_beat[(t_s >= begin - MATCH_S) & (t_s <= end + MATCH_S)] = "-"
        missed = [(t, k) for t, k in missed if not begin - MATCH_S <= t <= end + MATCH_S]
    return of_beat, missed


def confusion(record: EcgRecord, told: Told) -> Counter[str]:
    """Counts after five minutes, annotated class first: "V>N"; "O" is no beat."""
    of_beat, missed = labels(record, told.t_s)
    counts = Counter(f"{kind}>O" for t, kind in missed if t >= LEARNING_S)
    for t, kind, code in zip(told.t_s, of_beat, told.classes, strict=True):
        if t >= LEARNING_S and kind != "-":
            counts[f"{kind}>{BeatClass(code).name[0]}"] += 1
    return counts


def rates(counts: Counter[str], kind: str) -> tuple[float, float]:
    """Sensitivity and positive predictivity in percent, after EC57."""
    pardoned = {"V": "FQ", "S": "Q"}[kind]
    hit = counts[f"{kind}>{kind}"]
    wanted = sum(n for key, n in counts.items() if key[0] == kind)
    called = sum(n for key, n in counts.items() if key[2] == kind and key[0] not in pardoned)
    return 100 * hit / max(wanted, 1), 100 * hit / max(called, 1)


def lessons(records: list[EcgRecord]) -> list[Lesson]:
    """What there is to learn from these people."""
    first = run(records)
    second = run([ecg_record(record.name, number=1) for record in records])
    return [Lesson(*each) for each in zip(records, first, second, strict=True)]


def learn(lessons: Iterable[Lesson]) -> Net:
    """Nets of all seeds, as one with the mean of their logits."""
    first, second = [], []
    for record, of_first, of_second in lessons:
        first.append(_examples(record, of_first))
        second.append(_examples(record, of_second))
    parts = _learned(first), _learned([*first, *second])
    return Net(
        np.concatenate([net.hidden for net in parts], axis=1),
        np.concatenate([net.hidden_offset for net in parts]),
        np.concatenate([net.output for net in parts]) / len(parts),
        float(np.mean([net.output_offset for net in parts])),
    )


def _examples(record: EcgRecord, told: Told) -> tuple[Floats, Floats, Floats]:
    """Features, whether it is V, and weight of each beat of one lead."""
    of_beat, _ = labels(record, told.t_s)
    keep = np.isin(of_beat, list("NSV")) & (told.t_s > 20)
    is_v = (of_beat[keep] == "V").astype(float)
    weight = np.ones(len(is_v))
    for value in (0, 1):
        n = (is_v == value).sum()
        weight[is_v == value] = 1 / np.sqrt(max(n, 1))
    return np.clip(told.features[keep], -LOGIT_BOUND, LOGIT_BOUND), is_v, weight


def _learned(examples: list[tuple[Floats, Floats, Floats]]) -> Net:
    """Nets of all seeds, each with its own order of examples, learned at one time."""
    features, y, w = (np.concatenate(part) for part in zip(*examples, strict=True))
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    x, w = (features - mean) / spread, w / w.mean() / BATCH
    n = x.shape[1]
    by_seed = [np.random.default_rng(seed) for seed in SEEDS]
    values = [
        np.stack([rng.normal(0, 1 / np.sqrt(n), (n, HIDDEN)) for rng in by_seed]),
        np.zeros((len(SEEDS), 1, HIDDEN)),
        np.stack([rng.normal(0, 1 / np.sqrt(HIDDEN), (HIDDEN, 1)) for rng in by_seed]),
        np.zeros((len(SEEDS), 1, 1)),
    ]
    first, second = [np.zeros_like(v) for v in values], [np.zeros_like(v) for v in values]
    passes = -(-EXAMPLES // len(x))
    turns, turn = passes * (len(x) // BATCH), 0
    for _ in range(passes):
        order = np.stack([rng.permutation(len(x)) for rng in by_seed])
        for begin in range(0, len(x) - BATCH + 1, BATCH):
            at = order[:, begin : begin + BATCH]
            of_batch = x[at]
            inner = np.tanh(of_batch @ values[0] + values[1])
            chance = 1 / (1 + np.exp(-(inner @ values[2] + values[3])))
            slope = (chance - y[at][..., None]) * w[at][..., None]
            back = slope * values[2].transpose(0, 2, 1) * (1 - inner**2)
            slopes = [
                of_batch.transpose(0, 2, 1) @ back, back.sum(axis=1, keepdims=True),
                inner.transpose(0, 2, 1) @ slope, slope.sum(axis=1, keepdims=True),
            ]  # fmt: skip
            turn += 1
            rate = RATE * 0.5 * (1 + np.cos(np.pi * turn / turns))
            for k, each in enumerate(slopes):
                first[k] = 0.9 * first[k] + 0.1 * each
                second[k] = 0.999 * second[k] + 0.001 * each**2
                scaled = first[k] / (1 - 0.9**turn)
                scaled = scaled / (np.sqrt(second[k] / (1 - 0.999**turn)) + 1e-8)
                values[k] = values[k] - rate * (scaled + DECAY * values[k])
    hidden = values[0] / spread[:, None]
    offset = values[1][:, 0] - mean @ hidden
    return Net(
        np.concatenate(hidden, axis=1), offset.ravel(), values[2].ravel() / len(SEEDS),
        float(values[3].mean()),
    )  # fmt: skip


def report(records: list[EcgRecord], taught: list[Lesson]) -> dict[str, Counter[str]]:
    """Counts by record, and TOTAL, of people whom the judging net has not seen."""
    found: dict[str, Counter[str]] = {}
    for group in GROUPS:
        learn(each for each in taught if each.record.name not in group).use()
        tested = [record for record in records if record.name in group]
        for record, told in zip(tested, run(tested), strict=True):
            found[record.name] = confusion(record, told)
            print(f"  {record.name}: {_line(found[record.name])}", flush=True)
    total = sum(found.values(), Counter[str]())
    print(f"unseen people: {_line(total)}")
    return {**dict(sorted(found.items())), "TOTAL": total}


def as_row(record: str, counts: Counter[str]) -> dict[str, Any]:
    """A row as a scorer writes it."""
    row: dict[str, Any] = {"record": record}
    for kind in "VS":
        row[f"{kind}_beats"] = sum(n for key, n in counts.items() if key[0] == kind)
        row[f"{kind}_Se%"], row[f"{kind}_PPV%"] = rates(counts, kind)
        if not row[f"{kind}_beats"]:
            row[f"{kind}_Se%"] = None
    told = (f"{key}:{n}" for key, n in sorted(counts.items()))
    return {**row, "confusion": " ".join(told)}


def _line(counts: Counter[str]) -> str:
    told = " ".join(f"{key}:{n}" for key, n in sorted(counts.items()) if key[0] != key[2])
    parts = [f"{kind} {a:.1f}/{b:.1f}" for kind in "VS" for a, b in [rates(counts, kind)]]
    return f"{', '.join(parts)} | {told}"


def as_module(net: Net) -> str:
    """The weights as Python."""

    def row(values: Floats) -> str:
        return ", ".join(repr(round(float(value), 4)) for value in values) + ","

    def block(text: str, indent: str) -> str:
        return textwrap.fill(text, 96, initial_indent=indent, subsequent_indent=indent)

    hidden = "\n".join(f"    (\n{block(row(each), ' ' * 8)}\n    )," for each in net.hidden)
    return "\n".join((
        '"""Weights of the judge of ventricular beats.',
        "",
        "Written by ``python -m tests.accuracy.train_classes --write``, which tells from what.",
        "Never by hand.",
        '"""',
        "",
        "# fmt: off",
        f"HIDDEN = (\n{hidden}\n)",
        f"HIDDEN_OFFSET = (\n{block(row(net.hidden_offset), '    ')}\n)",
        f"OUTPUT = (\n{block(row(net.output), '    ')}\n)",
        f"OUTPUT_OFFSET = {round(net.output_offset, 4)}",
        "",
    ))  # fmt: skip


def main() -> int:
    """Report, learn, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the weights of the service")
    parser.add_argument("--no-report", action="store_true", help="leave the report out")
    parser.add_argument("--json", type=Path, help="write the rows of the report; learn no more")
    options = parser.parse_args()
    records = [ecg_record(name) for name in record_names()]
    taught = lessons(records)
    if options.json:
        rows = [as_row(name, counts) for name, counts in report(records, taught).items()]
        options.json.write_text(json.dumps({"rows": rows}))
        return 0
    if not options.no_report:
        report(records, taught)
    net = learn(taught)
    if options.write:
        TARGET.write_text(as_module(net))
        print(f"written: {TARGET.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
