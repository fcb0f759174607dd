"""Makes ``services/dsp/core/ecg/finding_weights.py``: ``python -m tests.accuracy.train_findings``.

Reads the MIT-BIH Arrhythmia Database (PhysioNet, ODC-BY 1.0) beside the repository. Every finding
of people whom the net of V has not seen is compared with the annotated beats and rhythms, and a
logistic line learns from what speaks for it how often such findings are right. Each record weighs
the square root of its number of findings. First it reports how well that holds for records that
were left out; with ``--write`` it learns from all and writes the weights.
"""

import argparse
import itertools
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.ecg import findings
from services.dsp.core.ecg.findings import EVIDENCE, Evidence
from tests.accuracy.pictures import FOLDER, reliability
from tests.accuracy.recordings import ecg_record, record_names
from tests.accuracy.rhythm_truth import auc, in_flutter, is_true, unseen

Floats = NDArray[np.float64]
TARGET = Path(findings.__file__).with_name("finding_weights.py")
SHRINK = 1.0  # of the square of the weights, in units of their inputs' spread
BINS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.01)


class Cases(NamedTuple):
    """Findings of one family."""

    record: NDArray[np.str_]
    kind: NDArray[np.str_]
    speaks: Floats
    right: NDArray[np.bool_]


def cases() -> dict[Evidence, Cases]:
    """All findings of unseen people, by what speaks for them."""
    records = {name: ecg_record(name) for name in record_names()}
    told, _ = unseen(list(records.values()))
    rows = defaultdict(list)
    for each in told:
        record = records[each.record]
        if each.has_ended or in_flutter(record, each.t_s):
            continue
        family = EVIDENCE.get(each.name, Evidence.ECTOPIC)
        right = is_true(record, each.name, each.t_s)
        rows[family].append((each.record, each.name.value, each.speaks, right))
    return {
        family: Cases(*(np.array(column) for column in zip(*rows[family], strict=True)))
        for family in Evidence
    }


def learn(of: Cases) -> Floats:
    """Offset and weights of a logistic line."""
    x = np.clip(of.speaks, -findings._BOUND, findings._BOUND)
    middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-3
    inputs = np.column_stack((np.ones(len(x)), (x - middle) / spread))
    _, place, count = np.unique(of.record, return_inverse=True, return_counts=True)
    weight = 1 / np.sqrt(count[place])
    weight *= len(x) / weight.sum()
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
    x = np.clip(speaks, -findings._BOUND, findings._BOUND)
    return np.asarray(1 / (1 + np.exp(-(line[0] + x @ line[1:]))))


def bounds(of: Cases) -> tuple[float, float]:
    """No more is claimed than so many findings can show: the rule of succession."""
    n = len(of.right)
    return round(1 / (n + 2), 3), round((n + 1) / (n + 2), 3)


def left_out(of: Cases) -> Floats:
    """Confidence of each finding by the line of the other records."""
    out = np.full(len(of.right), np.nan)
    for name in np.unique(of.record):
        mine = of.record == name
        if mine.all():
            continue
        others = Cases(*(column[~mine] for column in of))
        out[mine] = np.clip(told(learn(others), of.speaks[mine]), *bounds(others))
    return out


def report(of: Cases, family: Evidence) -> Floats:
    """How often findings were right, by what was told of records that were left out."""
    sure = left_out(of)
    known = np.isfinite(sure)
    print(f"{family.value}: {len(of.right)} findings, {of.right.mean():.1%} right, "
          f"AUC {auc(sure[known].tolist(), of.right[known].tolist()):.3f}, "
          f"Brier {np.mean((sure[known] - of.right[known]) ** 2):.3f} "
          f"(without evidence {of.right.mean() * (1 - of.right.mean()):.3f})")  # fmt: skip
    for low, high in itertools.pairwise(BINS):
        mine = (sure >= low) & (sure < high)
        if mine.any():
            print(
                f"  told {sure[mine].mean():.2f}: {mine.sum()}, right {of.right[mine].mean():.2f}"
            )
    for kind in np.unique(of.kind):
        mine = (of.kind == kind) & known
        if mine.any():
            print(f"  {kind}: {mine.sum()}, told {sure[mine].mean():.2f}, "
                  f"right {of.right[mine].mean():.2f}, "
                  f"AUC {auc(sure[mine].tolist(), of.right[mine].tolist()):.2f}")  # fmt: skip
    return sure


def as_module(lines: dict[Evidence, Floats], limits: dict[Evidence, tuple[float, float]]) -> str:
    """The weights as Python."""

    def block(name: str, rows: list[str]) -> str:
        return "\n".join((f"{name} = {{", *rows, "}"))

    numbers = [
        f'    "{family.value}": ({", ".join(repr(round(float(v), 3)) for v in line)}),'
        for family, line in lines.items()
    ]
    extremes = [f'    "{family.value}": {limits[family]},' for family in lines]
    return "\n".join((
        '"""How sure findings of rhythm are: weights of what speaks for them, and limits.',
        "",
        "Written by ``python -m tests.accuracy.train_findings --write``, which tells from what.",
        "Never by hand.",
        '"""',
        "",
        block("WEIGHTS", numbers),
        block("BOUNDS", extremes),
        "",
    ))  # fmt: skip


def main() -> int:
    """Report, learn, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the weights of the service")
    options = parser.parse_args()
    families = cases()
    sure, right = [], []
    for family, of in families.items():
        told_of = report(of, family)
        known = np.isfinite(told_of)
        sure.append(told_of[known])
        right.append(of.right[known])
    if options.write:
        lines = {family: learn(of) for family, of in families.items()}
        limits = {family: bounds(of) for family, of in families.items()}
        TARGET.write_text(as_module(lines, limits))
        picture = reliability(
            np.concatenate(sure), np.concatenate(right), title="Findings of rhythm, left out"
        )
        (FOLDER / "findings-reliability.svg").write_text(picture)
        print(f"written: {TARGET.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
