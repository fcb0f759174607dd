"""Makes ``services/dsp/core/ecg/finding_weights.py``: ``python -m tests.accuracy.train_findings``.

Reads the MIT-BIH Arrhythmia Database (PhysioNet, ODC-BY 1.0) beside the repository. Every finding
of people whom the net of V has not seen is compared with the annotated beats and rhythms. The
confidence of a kind is the share of its findings that are right; a logistic line over what speaks
for them takes its place where it is nearer to the truth on records that were left out. Each
record weighs the square root of its number of findings. With ``--write`` it writes the weights.
"""

import argparse
import itertools
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.ecg import findings
from services.dsp.core.ecg.findings import BOUND, Rhythm
from tests.accuracy.pictures import FOLDER, reliability
from tests.accuracy.recordings import ecg_record, record_names
from tests.accuracy.rhythm_truth import auc, in_flutter, is_true, unseen

Floats = NDArray[np.float64]
TARGET = Path(findings.__file__).with_name("finding_weights.py")
SHRINK = 1.0  # of the square of the weights, in units of their inputs' spread
LEAST_AUC = 0.6  # of a line: it has to put findings in order, not only records
LEAST = 20  # findings in three records and more that a line needs
BINS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.01)


class Cases(NamedTuple):
    """Findings of one kind."""

    record: NDArray[np.str_]
    speaks: Floats
    right: NDArray[np.bool_]


def cases() -> dict[Rhythm, Cases]:
    """All findings of unseen people, by what speaks for them."""
    records = {name: ecg_record(name) for name in record_names()}
    told, _ = unseen(list(records.values()))
    rows = defaultdict(list)
    for each in told:
        record = records[each.record]
        if not each.has_ended and not in_flutter(record, each.t_s):
            right = is_true(record, each.name, each.t_s)
            rows[each.name].append((each.record, each.speaks, right))
    return {
        kind: Cases(*(np.array(column) for column in zip(*rows[kind], strict=True)))
        for kind in Rhythm
        if rows[kind]
    }


def weights_of(of: Cases) -> Floats:
    """Each record weighs the square root of its number of findings."""
    _, place, count = np.unique(of.record, return_inverse=True, return_counts=True)
    weight = 1 / np.sqrt(count[place])
    return np.asarray(weight * len(place) / weight.sum())


def share(of: Cases) -> Floats:
    """A line that says of all findings the share that is right, by the rule of succession."""
    weight = weights_of(of)
    right = (weight[of.right].sum() + 1) / (len(weight) + 2)
    return np.concatenate(([np.log(right / (1 - right))], np.zeros(of.speaks.shape[1])))


def learn(of: Cases) -> Floats:
    """Offset and weights of a logistic line."""
    x = np.clip(of.speaks, -BOUND, BOUND)
    middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-3
    inputs = np.column_stack((np.ones(len(x)), (x - middle) / spread))
    weight = weights_of(of)
    shrink = np.diag([0.0] + [SHRINK] * x.shape[1])
    line = np.zeros(inputs.shape[1])
    line[0] = np.log((of.right.sum() + 1) / ((~of.right).sum() + 1))
    for _ in range(30):  # Newton
        chance = 1 / (1 + np.exp(-np.clip(inputs @ line, -30, 30)))
        slope = inputs.T @ (weight * (chance - of.right)) + shrink @ line
        bend = (inputs.T * (weight * chance * (1 - chance))) @ inputs + shrink
        line -= np.linalg.solve(bend + 1e-3 * np.eye(len(line)), slope)
    weights = line[1:] / spread
    return np.concatenate(([line[0] - weights @ middle], weights))


def told(line: Floats, speaks: Floats) -> Floats:
    """Confidence of findings by a line."""
    x = np.clip(speaks, -BOUND, BOUND)
    return np.asarray(1 / (1 + np.exp(-np.clip(line[0] + x @ line[1:], -30, 30))))


def bounds(of: Cases) -> tuple[float, float]:
    """No more is claimed than so many findings can show: the rule of succession."""
    n = len(of.right)
    return round(1 / (n + 2), 3), round((n + 1) / (n + 2), 3)


def left_out(of: Cases, learning: Callable[[Cases], Floats]) -> Floats:
    """Confidence of each finding by the line of the other records."""
    out = np.full(len(of.right), 0.5)
    for name in np.unique(of.record):
        mine = of.record == name
        if not mine.all():
            others = Cases(*(column[~mine] for column in of))
            out[mine] = np.clip(told(learning(others), of.speaks[mine]), *bounds(others))
    return out


def report(kind: Rhythm, of: Cases) -> tuple[Floats, Floats]:
    """The line to use; and the confidence of each finding when its record was left out."""
    plain, line = left_out(of, share), left_out(of, learn)
    missed = [float(np.mean((sure - of.right) ** 2)) for sure in (plain, line)]
    enough = len(of.right) >= LEAST and len(np.unique(of.record)) >= 3
    order = auc(line.tolist(), of.right.tolist())
    is_better = enough and missed[1] < missed[0] and order > LEAST_AUC
    sure = line if is_better else plain
    print(
        f"{kind.value}: {len(of.right)} in {len(np.unique(of.record))} records, right "
        f"{of.right.mean():.3f}, told {sure.mean():.3f} ({'line' if is_better else 'share'}); "
        f"Brier of share {missed[0]:.3f}, of line {missed[1]:.3f}, "
        f"AUC of line {order:.2f}"
    )
    return (learn if is_better else share)(of), sure


def as_module(lines: dict[Rhythm, Floats], limits: dict[Rhythm, tuple[float, float]]) -> str:
    """The weights as Python."""
    numbers = [
        f'    "{kind.value}": ({", ".join(repr(round(float(v), 3)) for v in line)}),'
        for kind, line in lines.items()
    ]
    extremes = [f'    "{kind.value}": {limits[kind]},' for kind in lines]
    return "\n".join((
        '"""How sure findings of rhythm are: weights of what speaks for them, and limits.',
        "",
        "Written by ``python -m tests.accuracy.train_findings --write``, which tells from what.",
        "Never by hand.",
        '"""',
        "",
        "from collections.abc import Mapping",
        "",
        "WEIGHTS: Mapping[str, tuple[float, ...]] = {", *numbers, "}",
        "BOUNDS: Mapping[str, tuple[float, float]] = {", *extremes, "}",
        "",
    ))  # fmt: skip


def main() -> int:
    """Report, learn, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the weights of the service")
    options = parser.parse_args()
    by_kind = cases()
    lines, sure = {}, []
    for kind, of in by_kind.items():
        lines[kind], of_kind = report(kind, of)
        sure.append(of_kind)
    told_of = np.concatenate(sure)
    right = np.concatenate([of.right for of in by_kind.values()])
    for low, high in itertools.pairwise(BINS):
        mine = (told_of >= low) & (told_of < high)
        if mine.any():
            print(f"told {told_of[mine].mean():.2f}: {mine.sum()}, right {right[mine].mean():.2f}")
    if options.write:
        TARGET.write_text(as_module(lines, {kind: bounds(of) for kind, of in by_kind.items()}))
        picture = reliability(told_of, right, title="Findings of rhythm, left out")
        (FOLDER / "findings-reliability.svg").write_text(picture)
        print(f"written: {TARGET.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
