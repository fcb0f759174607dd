"""What annotations say of findings of rhythm, and the findings of people whom no net has seen."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from services.dsp.core.ecg import classes, findings, heart_rate, rhythm, stops
from services.dsp.core.ecg.classes import View
from services.dsp.core.ecg.findings import Rhythm
from services.dsp.core.ecg.rhythm import PAIRS, PERIOD, RATE_INTERVALS, TACHYCARDIA_RUN
from services.dsp.core.ecg.ring import BeatsState, due
from services.dsp.core.windows import Instants, Samples
from shared.recordings.wfdb import decode_annotations
from tests.accuracy.recordings import MITDB, EcgRecord
from tests.accuracy.streams import SECOND_US, START_US, as_rows
from tests.accuracy.train_classes import GROUPS, Net, learn, lessons

ANNOTATED = {
    Rhythm.IRREGULAR: {"(AFIB", "(AFL"},
    Rhythm.BIGEMINY: {"(B"},
    Rhythm.TRIGEMINY: {"(T"},
}
NEAR_S = 1.0  # of moments
TOLD_S = 10.0  # so long after what they tell of lasting findings may come
MINUTE_S = 62.0
NEAR_LIMIT = 0.02  # of a rate: the annotated beats are placed to some milliseconds


class Told(NamedTuple):
    """One finding of one record."""

    record: str
    name: Rhythm
    t_s: float
    has_ended: bool
    confidence: float
    speaks: tuple[float, ...]


class Look(NamedTuple):
    """What speaks for an irregular rhythm in one record at one moment."""

    record: str
    t_s: float
    speaks: tuple[float, ...]


def followed(records: list[EcgRecord]) -> tuple[list[Told], list[Look]]:
    """What the estimator says of the first leads, with what speaks for it."""
    rows = as_rows([record.lead for record in records])
    rate_hz, n = records[0].rate_hz, len(records)
    heart, state = heart_rate.init(n, rate_hz), rhythm.init(n, rate_hz)
    told, looks = [], []
    heard: list[tuple[float, ...]] = []
    given = findings.confidence

    def listening(kind: Rhythm, speaks: Sequence[float]) -> float:
        heard.append(tuple(speaks))
        return len(heard) - 1 + (given(kind, speaks) or 0.0) / 2

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings, "confidence", listening)
        for second in range(rows.shape[1] // rate_hz):
            block = rows[:, second * rate_hz : (second + 1) * rate_hz]
            times = np.full(n, START_US + second * SECOND_US)
            heart, output = heart_rate.step(heart, block, times)
            state, judged = rhythm.step(state, block, times, output)
            for each in judged.findings:
                t_s = (each.t - START_US) / SECOND_US
                number, half = divmod(float(each.data.get("confidence") or 0.0), 1)
                speaks = () if each.has_ended else heard[int(number)]
                told.append(Told(
                    records[each.row].name, Rhythm(each.name), t_s, each.has_ended, 2 * half,
                    speaks,
                ))  # fmt: skip
            if second % 10 == 9:  # a sample is enough
                seen = classes.look(state.beats, times)
                for part, row in enumerate(seen.rows.tolist()):
                    speaks = tuple(rhythm.evidence(seen, part, Rhythm.IRREGULAR))
                    looks.append(Look(records[row].name, second + 1.0, speaks))
    return told, looks


def nets_of_others(records: list[EcgRecord]) -> list[Net]:
    """For each record the net of V that has learned from other people."""
    taught = lessons(records)
    by_name: dict[str, Net] = {}
    for group in GROUPS:
        net = learn(each for each in taught if each.record.name not in group)
        by_name |= dict.fromkeys(group, net)
    return [by_name[record.name] for record in records]


def unseen(
    records: list[EcgRecord], nets: list[Net] | None = None
) -> tuple[list[Told], list[Look]]:
    """What the estimator says of people whom the net of V has not seen, all in one run."""
    by_row = nets or nets_of_others(records)
    look, logits = classes.look, classes.logits
    rows: list[int] = []

    def looking(state: BeatsState, times: Instants) -> View:
        rows[:] = np.unique(due(state.ring, times)[0]).tolist()
        return look(state, times)

    def by_person(features: Samples) -> Samples:
        out = np.empty(features.shape[:2])
        for part, row in enumerate(rows):
            by_row[row].use()
            out[part] = logits(features[part : part + 1])[0]
        return out

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classes, "look", looking)
        patch.setattr(classes, "logits", by_person)
        return followed(records)


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
    """Ends of stops, couplets and runs, from the annotated beats."""
    out: dict[Rhythm, list[float]] = defaultdict(list)
    t = record.beats_s
    out[Rhythm.PAUSE] = t[1:][np.diff(t) > stops.PAUSE_S].tolist()
    out[Rhythm.ASYSTOLE] = t[1:][np.diff(t) > stops.ASYSTOLE_S].tolist()
    for begin, end in _runs_of_v(record):
        if end > begin:
            out[Rhythm.COUPLET if end - begin == 1 else Rhythm.RUN].append(float(t[end]))
        is_long = end - begin + 1 >= TACHYCARDIA_RUN
        if is_long and 60 * (end - begin) / (t[end] - t[begin]) > rhythm.RUN_PER_MIN:
            out[Rhythm.VENTRICULAR_TACHYCARDIA].append(float(t[end]))
    return out


def _runs_of_v(record: EcgRecord) -> Iterator[tuple[int, int]]:
    """First and last place of each stretch of V beats."""
    end = 0
    for is_v, group in groupby(record.classes == "V"):
        begin, end = end, end + len(list(group))
        if is_v:
            yield begin, end - 1


def in_flutter(record: EcgRecord, t_s: float) -> bool:
    """Whether the beats about a moment are not annotated."""
    return any(begin - 5 < t_s < end + 5 for begin, end in record.flutter_s)


def is_true(record: EcgRecord, kind: Rhythm, t_s: float) -> bool:
    """Whether the annotations bear out what began, or was, at this moment."""
    t, is_v = record.beats_s, record.classes == "V"
    lately = (t > t_s - 2 * TOLD_S) & (t <= t_s)
    if kind in (Rhythm.BRADYCARDIA, Rhythm.TACHYCARDIA):
        rates = 60 * RATE_INTERVALS / (t[RATE_INTERVALS:] - t[:-RATE_INTERVALS])
        rates = rates[lately[RATE_INTERVALS:]]
        if kind is Rhythm.BRADYCARDIA:
            return bool((rates < (1 + NEAR_LIMIT) * rhythm.ADULT.bradycardia).any())
        return bool((rates > (1 - NEAR_LIMIT) * rhythm.ADULT.tachycardia).any())
    if kind is Rhythm.IRREGULAR:
        second = int(t_s)
        return bool(annotated(record)[kind][max(0, second - 30) : second].any())
    if kind in PERIOD:
        n = PERIOD[kind] * PAIRS
        pattern = np.arange(n) % PERIOD[kind] == 0
        mine = is_v[lately]
        return any((mine[k : k + n] == pattern).all() for k in range(len(mine) - n + 1))
    if kind is Rhythm.FREQUENT:
        return int(is_v[(t > t_s - MINUTE_S) & (t <= t_s)].sum()) >= rhythm.FREQUENT
    early_s = {Rhythm.VENTRICULAR_TACHYCARDIA: 2 * TOLD_S, Rhythm.ASYSTOLE: TOLD_S}.get(
        kind, NEAR_S
    )
    late_s = TOLD_S if kind in (Rhythm.VENTRICULAR_TACHYCARDIA, Rhythm.ASYSTOLE) else NEAR_S
    return any(t_s - early_s <= end <= t_s + late_s for end in expected(record)[kind])


def auc(scores: Sequence[float], right: Sequence[bool]) -> float:
    """Share of pairs, one right and one wrong, that the score puts in order."""
    values, truth = np.asarray(scores, dtype=float), np.asarray(right, dtype=bool)
    good, bad = values[truth], values[~truth]
    if not len(good) or not len(bad):
        return float("nan")
    order = np.sort(bad)
    below = np.searchsorted(order, good, "left") + np.searchsorted(order, good, "right")
    return float(below.mean() / 2 / len(bad))
