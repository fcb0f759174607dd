"""Findings of rhythm against annotations: ``python -m tests.accuracy.rhythm_report``.

Lasting findings are compared second by second with the rhythm annotations of the MIT-BIH
Arrhythmia Database, the others event by event with what follows from the annotated beats. The
net of V has learned from other people. Nothing of it runs in the service.
"""

import sys
from collections import Counter

from services.dsp.core.ecg.findings import LASTING, Rhythm
from tests.accuracy.recordings import EcgRecord, ecg_record, record_names
from tests.accuracy.rhythm_truth import (
    ANNOTATED,
    NEAR_S,
    TOLD_S,
    Look,
    Told,
    annotated,
    auc,
    expected,
    in_flutter,
    is_true,
    shown,
    unseen,
)

EVENTS = {
    Rhythm.PAUSE: NEAR_S,
    Rhythm.COUPLET: NEAR_S,
    Rhythm.RUN: NEAR_S,
    Rhythm.ASYSTOLE: TOLD_S,
    Rhythm.VENTRICULAR_TACHYCARDIA: TOLD_S,
}
"""What follows from annotated beats, and how far from its end it may be told."""


def matched(wanted: list[float], got: list[float], near_s: float) -> tuple[int, int, int]:
    """Found, missed, false."""
    rest, found = list(got), 0
    for t in wanted:
        near = [each for each in rest if abs(each - t) <= near_s]
        if near:
            rest.remove(min(near, key=lambda each: abs(each - t)))
            found += 1
    return found, len(wanted) - found, len(rest)


def of_record(record: EcgRecord, told: list[Told]) -> Counter[tuple[Rhythm, str]]:
    """Print a line a finding; counts of found, missed and false."""
    total: Counter[tuple[Rhythm, str]] = Counter()
    begun = [each for each in told if each.record == record.name and not each.has_ended]

    def count(kind: Rhythm, unit: str, counts: tuple[int, int, int]) -> None:
        for name, n in zip(("found", "missed", "false"), counts, strict=True):
            total[kind, name] += n
        if sum(counts):
            print(f"{record.name} {kind.value}: {unit} found, missed, false {counts}")

    for kind, truth in annotated(record).items():
        stands = shown(told, record, kind)
        pairs = ((stands, truth), (~stands, truth), (stands, ~truth))
        found, missed, false = (int((a & b).sum()) for a, b in pairs)
        count(kind, "s", (found, missed, false))
    for kind, near_s in EVENTS.items():
        wanted = [t for t in expected(record)[kind] if not in_flutter(record, t)]
        got = [e.t_s for e in begun if e.name == kind and not in_flutter(record, e.t_s)]
        count(kind, "events", matched(wanted, got, near_s))
    for kind in LASTING:
        begins = sum(each.name == kind for each in begun)
        if begins:
            share = shown(told, record, kind).mean()
            print(f"{record.name} {kind.value}: begins {begins}, stands {share:.1%}")
    return total


def summary(
    records: dict[str, EcgRecord], told: list[Told], total: Counter[tuple[Rhythm, str]]
) -> None:
    """A line a finding: how often it is found, is right, and what its confidence is worth."""
    for kind in Rhythm:
        mine = [each for each in told if each.name == kind and not each.has_ended]
        mine = [each for each in mine if not in_flutter(records[each.record], each.t_s)]
        right = [is_true(records[each.record], kind, each.t_s) for each in mine]
        parts = []
        if kind in EVENTS or kind in ANNOTATED:
            found, missed, false = (total[kind, name] for name in ("found", "missed", "false"))
            se, ppv = found / max(found + missed, 1), found / max(found + false, 1)
            f1 = 2 * found / max(2 * found + missed + false, 1)
            parts.append(f"sensitivity {se:.1%}, predictivity {ppv:.1%}, F1 {f1:.1%}")
        if mine:
            sure = [each.confidence for each in mine]
            parts.append(
                f"told {len(mine)}, right {sum(right) / len(mine):.1%}, "
                f"confidence {sum(sure) / len(sure):.2f}, AUC {auc(sure, right):.2f}"
            )
        print(f"all {kind.value}: {'; '.join(parts)}")


def of_looks(records: dict[str, EcgRecord], looks: list[Look]) -> None:
    """What entropy and P wave are worth for fibrillation, at each look."""
    kind = Rhythm.IRREGULAR
    truth = {name: annotated(record)[kind] for name, record in records.items()}
    right = [bool(truth[each.record][int(each.t_s) - 30]) for each in looks if each.t_s > 60]
    speaks = [each.speaks for each in looks if each.t_s > 60]
    entropy = auc([each[0] for each in speaks], right)
    both = auc([each[0] - each[1] / 2 for each in speaks], right)  # 0.1 of P: as 0.5 of entropy
    print(f"looks {len(right)}, AUC of entropy {entropy:.3f}, with the P wave {both:.3f}")


def main() -> int:
    """Print a line a record and finding, then a line a finding."""
    records = {name: ecg_record(name) for name in record_names()}
    told, looks = unseen(list(records.values()))
    total: Counter[tuple[Rhythm, str]] = Counter()
    for record in records.values():
        total += of_record(record, told)
    summary(records, told, total)
    of_looks(records, looks)
    return 0


if __name__ == "__main__":
    sys.exit(main())
