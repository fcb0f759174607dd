"""Findings of rhythm against annotations: ``python -m tests.accuracy.rhythm_report``.

Lasting findings are compared second by second with the rhythm annotations of the MIT-BIH
Arrhythmia Database, the others event by event with what follows from the annotated beats. The
judge of V beats has learned from these records; the rules of rhythm have not. Nothing of it runs
in the service.
"""

import sys
from collections import Counter, defaultdict
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.ecg import heart_rate, rhythm
from services.dsp.core.ecg.rhythm import LASTING, Rhythm
from shared.recordings.wfdb import decode_annotations
from tests.accuracy.recordings import MITDB, EcgRecord, ecg_record, record_names
from tests.accuracy.streams import SECOND_US, START_US, as_rows

ANNOTATED = {
    Rhythm.IRREGULAR: {"(AFIB", "(AFL"},
    Rhythm.BIGEMINY: {"(B"},
    Rhythm.TRIGEMINY: {"(T"},
}
NEAR_S = 1.0


class Told(NamedTuple):
    """One finding of one record."""

    record: str
    name: str
    t_s: float
    has_ended: bool


def findings(records: list[EcgRecord]) -> list[Told]:
    """What the estimator says of the first leads."""
    rows = as_rows([record.lead for record in records])
    rate_hz, n = records[0].rate_hz, len(records)
    heart, state = heart_rate.init(n, rate_hz), rhythm.init(n, rate_hz)
    told = []
    for second in range(rows.shape[1] // rate_hz):
        block = rows[:, second * rate_hz : (second + 1) * rate_hz]
        times = np.full(n, START_US + second * SECOND_US)
        heart, output = heart_rate.step(heart, block, times)
        state, judged = rhythm.step(state, block, times, output)
        for each in judged.findings:
            t_s = (each.t - START_US) / SECOND_US
            told.append(Told(records[each.row].name, each.name, t_s, each.has_ended))
    return told


def annotated(record: EcgRecord) -> dict[Rhythm, NDArray[np.bool_]]:
    """For each second whether the annotation names this rhythm."""
    notes = decode_annotations((MITDB / f"{record.name}.atr").read_bytes())
    names = np.full(len(record.lead) // record.rate_hz, "", dtype="U8")
    for note in notes:
        if note.symbol == "+" and note.text:
            names[max(0, round(note.sample / record.rate_hz)) :] = note.text.strip("\x00")
    return {kind: np.isin(names, list(of)) for kind, of in ANNOTATED.items()}


def shown(told: list[Told], record: EcgRecord, kind: Rhythm) -> NDArray[np.bool_]:
    """For each second whether a lasting finding stands."""
    stands = np.zeros(len(record.lead) // record.rate_hz, dtype=np.bool_)
    for each in told:
        if (each.record, each.name) == (record.name, kind):
            stands[int(each.t_s) :] = not each.has_ended
    return stands


def expected(record: EcgRecord) -> dict[Rhythm, list[float]]:
    """Ends of pauses, couplets and runs, from the annotated beats."""
    out: dict[Rhythm, list[float]] = defaultdict(list)
    t = record.beats_s
    out[Rhythm.PAUSE] = t[1:][np.diff(t) > rhythm.PAUSE_S].tolist()
    end = 0
    for is_v, group in groupby(record.classes == "V"):
        n = len(list(group))
        end += n
        if is_v and n >= 2:
            out[Rhythm.COUPLET if n == 2 else Rhythm.RUN].append(float(t[end - 1]))
    return out


def matched(wanted: list[float], got: list[float]) -> tuple[int, int, int]:
    """Found, missed, false."""
    rest, found = list(got), 0
    for t in wanted:
        near = [each for each in rest if abs(each - t) <= NEAR_S]
        if near:
            rest.remove(min(near, key=lambda each: abs(each - t)))
            found += 1
    return found, len(wanted) - found, len(rest)


def main() -> int:
    """Print a line a record and finding."""
    records = [ecg_record(name) for name in record_names()]
    told = findings(records)
    total: Counter[tuple[str, str]] = Counter()
    for record in records:
        for kind, truth in annotated(record).items():
            stands = shown(told, record, kind)
            counts = [(stands & truth).sum(), (~stands & truth).sum(), (stands & ~truth).sum()]
            for name, n in zip(("found", "missed", "false"), counts, strict=True):
                total[kind, name] += int(n)
            if sum(counts):
                print(f"{record.name} {kind.value}: s found, missed, false {counts}")
        flutter = record.flutter_s
        for kind in (Rhythm.PAUSE, Rhythm.COUPLET, Rhythm.RUN):
            free = [
                [t for t in times if all(not a - 5 < t < b + 5 for a, b in flutter)]
                for times in (
                    expected(record)[kind],
                    [e.t_s for e in told if (e.record, e.name) == (record.name, kind)],
                )
            ]
            events = matched(*free)
            for name, n in zip(("found", "missed", "false"), events, strict=True):
                total[kind, name] += n
            if sum(events):
                print(f"{record.name} {kind.value}: events found, missed, false {events}")
        for kind in LASTING:
            begins = sum(
                (e.record, e.name, e.has_ended) == (record.name, kind, False) for e in told
            )
            if begins:
                share = shown(told, record, kind).mean()
                print(f"{record.name} {kind.value}: begins {begins}, stands {share:.1%}")
    for kind in Rhythm:
        n = [total[kind, name] for name in ("found", "missed", "false")]
        if sum(n):
            se, ppv = n[0] / max(n[0] + n[1], 1), n[0] / max(n[0] + n[2], 1)
            print(f"all {kind.value}: sensitivity {se:.1%}, predictivity {ppv:.1%} {n}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
