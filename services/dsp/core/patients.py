"""What patients' devices say together: values of several sources become one, or are doubted.

Values come as rows of `VITAL` in the order of their stream. A moment of a patient is judged when
all sources that have lately spoken have spoken of it, or when the lane's time (the newest arrival
that any value rests on) is `WAIT_US` past it; what comes later is judged again from what is stored.
What is given depends on the messages alone, not on when it is asked for.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.agreement import DISAGREEMENT, MOST_SOURCES, Together, Tolerance, together
from services.dsp.core.emission import SOURCE, vital_rows
from services.dsp.core.gaps import SECOND_US
from services.dsp.core.lane import LateSamples
from services.dsp.core.outputs import Reading
from shared.contracts.events import Event, EventKind, Severity, event_id
from shared.contracts.measures import Measure
from shared.contracts.methods import PREFERENCE, Method, Nature
from shared.contracts.quality import ValueFlag
from shared.contracts.records import Table
from shared.contracts.vitals import VITAL

WAIT_US = 9 * SECOND_US  # a source speaks up to 5 s after a moment, after a hole 2 s later
LATELY_US = 15 * SECOND_US  # a source that has not spoken for so long is not waited for
KEPT_US = 40 * SECOND_US  # of a patient who is silent
STORED_EVERY_US = 5 * SECOND_US  # what storage keeps of live values
FUSED_VALUES = 1002
"""In place of a stream, of the time whose fused values wait to be computed again."""
JUDGED_S = 10  # so long they must differ, or agree again, before it is told
MANY = 0  # the device of a value that several have made
WATCHED_MOST = 65_536  # patients and fusions; the longest silent go first


class Fusion(NamedTuple):
    """How sources of a measure are brought together.

    Attributes
    ----------
    of : measures whose sources are compared
    gives : the fused measure; None: only whether they agree is told
    """

    name: str
    of: tuple[Measure, ...]
    tolerance: Tolerance
    gives: Measure | None = None
    method: Method = Method.DEVICE


FUSIONS = (
    Fusion(
        name="respiration",
        of=(Measure.RESPIRATION_RATE,),
        tolerance=Tolerance(3.0, 0.15),
        gives=Measure.RESPIRATION_RATE,
        method=Method.RESPIRATION_FUSED,
    ),
    Fusion(
        name="pulse", of=(Measure.HEART_RATE, Measure.PULSE_RATE), tolerance=Tolerance(8.0, 0.1)
    ),
)
"""3 breaths and 15 %: windows of unlike length see a changing breath so far apart. 8 beats, 10 %:
ANSI/AAMI EC13 lets a heart rate meter be 5 beats or 10 % wrong; pulses come later than beats and
miss weak ones."""
BY_MEASURE = MappingProxyType({measure: fusion for fusion in FUSIONS for measure in fusion.of})
_FUSION_OF = {int(measure): fusion.name for measure, fusion in BY_MEASURE.items()}
NOT_SOURCES = frozenset(
    ranked.method
    for order in PREFERENCE.values()
    for ranked in order
    if ranked.nature in (Nature.FUSED, Nature.COMPARISON)
)


class Row(NamedTuple):
    """One row of `VITAL`."""

    t: int
    received: int
    device: int
    patient: int
    value: float
    quality: float
    measure: int
    revision: int
    validity: int
    method: int
    flags: int


Source = tuple[int, int, int]


class Asked(NamedTuple):
    """One moment of a patient, and what its sources say of it."""

    patient: int
    t: int
    rows: list[Row]


class Given(NamedTuple):
    """Fused values and events."""

    vitals: Table
    events: list[Event]


@dataclass(slots=True)
class _Watched:
    """Sources of one patient and fusion: what is not judged yet, and how the last moments were."""

    moments: dict[int, list[Row]] = field(default_factory=dict)
    spoken: dict[Source, int] = field(default_factory=dict)
    judged: deque[tuple[int, bool]] = field(default_factory=lambda: deque(maxlen=2 * JUDGED_S))
    decided_us: int = 0

    def is_only(self, source: Source) -> bool:
        """Whether nobody else has spoken, and nothing waits: nearly always."""
        return len(self.spoken) == 1 and source in self.spoken and not self.moments

    def pass_over(self, source: Source, t: int) -> None:
        """A moment of the only source: it would be judged at once, and nothing is to be told."""
        self.spoken[source] = max(self.spoken[source], t)
        self.decided_us = max(self.decided_us, t)

    def due(self, until: int) -> list[int]:
        """Moments that are to be judged, in their order."""
        if not self.moments:
            return []
        newest = max(self.spoken.values())
        heard = min(t for t in self.spoken.values() if t > newest - LATELY_US)
        return sorted(t for t in self.moments if t <= max(heard, until))


class PatientValues:
    """Values of the patients of one lane on their way together."""

    def __init__(self) -> None:
        self.now = 0
        self._watched: OrderedDict[tuple[int, str], _Watched] = OrderedDict()
        self._due: dict[str, list[Asked]] = {fusion.name: [] for fusion in FUSIONS}

    def take(self, table: Table) -> None:
        """Take the values of one message."""
        if len(table):
            self.now = max(self.now, int(table["received"].max()))
        rows = list(map(Row._make, table[_sources(table)].tolist()))
        sources = list(map(source_of, rows))
        keys = [(row.patient, _FUSION_OF[row.measure]) for row in rows]
        said: dict[tuple[int, str], list[tuple[Source, int]]] = {}
        for key, source, row in zip(keys, sources, rows, strict=True):
            said.setdefault(key, []).append((source, row.t))
        touched = []
        for key, source, row in zip(keys, sources, rows, strict=True):
            watched = self._watched.get(key)
            if watched is None:
                watched = self._watched[key] = _Watched()
            self._watched.move_to_end(key)
            if watched.is_only(source) and _is_of_one(said[key]) and row.t >= self.now - KEPT_US:
                watched.pass_over(source, row.t)
                continue
            if row.t > watched.decided_us:
                watched.moments.setdefault(row.t, []).append(row)
            watched.spoken[source] = max(watched.spoken.get(source, 0), row.t)
            touched.append(key)
        while len(self._watched) > WATCHED_MOST:
            self._watched.popitem(last=False)
        self._decide(touched)

    def give(self) -> Given:
        """All that was due after the messages taken, judged."""
        vitals, events = [], []
        for fusion in FUSIONS:
            asked, self._due[fusion.name] = self._due[fusion.name], []
            if not asked:
                continue
            found = judge(fusion, [one.rows for one in asked])
            if fusion.gives is not None:
                vitals.append(fused_rows(fusion, asked, found))
            for one, against in zip(asked, found.against.tolist(), strict=True):
                event = self._told(fusion, one, differs=against >= DISAGREEMENT)
                events += [event] if event is not None else []
        return Given(np.concatenate([np.empty(0, dtype=VITAL), *vitals]), events)

    def _decide(self, touched: list[tuple[int, str]]) -> None:
        """Judge what is due: of those that just spoke, and of those whose wait is over.

        The longest silent stand first; who has nothing waiting after `KEPT_US` is forgotten.
        """
        until = self.now - WAIT_US
        silent = []
        for key, watched in self._watched.items():
            if max(watched.spoken.values()) > until:
                break
            silent.append(key)
        for key in dict.fromkeys((*silent, *touched)):
            found = self._watched.get(key)
            if found is None:
                continue
            for t in found.due(until):
                rows = found.moments.pop(t)
                found.decided_us = t
                if len(rows) > 1:
                    self._due[key[1]].append(Asked(key[0], t, rows))
            if max(found.spoken.values()) < self.now - KEPT_US:
                del self._watched[key]

    def _told(self, fusion: Fusion, asked: Asked, *, differs: bool) -> Event | None:
        """An event when they have differed, or agreed again, for `JUDGED_S` judged moments."""
        watched = self._watched.get((asked.patient, fusion.name))
        if watched is None:
            return None
        judged = watched.judged
        judged.append((asked.t, differs))
        newest = list(judged)[-JUDGED_S:]
        before = list(judged)[:-JUDGED_S]
        whole = len(newest) == JUDGED_S and all(one == differs for _, one in newest)
        turned = not before or before[-1][1] != differs
        held = len(before) == JUDGED_S and all(one != differs for _, one in before)
        if not (whole and turned and (differs or held)):
            return None
        began_us = newest[0][0]
        n_sources = sum(np.isfinite(row.value) for row in asked.rows)
        return Event(
            id=event_id(
                SOURCE, EventKind.SOURCES_DISAGREE, asked.patient, fusion.name, began_us, differs
            ),
            t=began_us,
            kind=EventKind.SOURCES_DISAGREE,
            severity=Severity.LOW if differs else Severity.INFO,
            source=SOURCE,
            text_key=EventKind.SOURCES_DISAGREE.value,
            patient=asked.patient,
            data={"name": fusion.name, "has_ended": not differs, "n_sources": int(n_sources)},
        )


def _is_of_one(said: list[tuple[Source, int]]) -> bool:
    """Whether one source speaks of each moment once."""
    return len(said) == 1 or (
        len({source for source, _ in said}) == 1 and len({t for _, t in said}) == len(said)
    )


def _sources(table: Table) -> NDArray[np.bool_]:
    """Which rows are sources of a patient's fusion, in their first revision."""
    wanted = np.isin(table["measure"], list(BY_MEASURE)) & (table["patient"] != 0)
    wanted &= (table["device"] != MANY) & (table["revision"] == 0)
    wanted &= ~np.isin(table["method"], list(NOT_SOURCES))
    return np.asarray(wanted)


def revised_sources(table: Table) -> list[LateSamples]:
    """Times of devices whose corrected values some fusion has rested on, or should have."""
    fused = [int(measure) for fusion in FUSIONS if fusion.gives for measure in fusion.of]
    wanted = np.isin(table["measure"], fused) & (table["patient"] != 0) & (table["revision"] > 0)
    table = table[wanted & (table["device"] != MANY)]
    return [
        LateSamples(device, FUSED_VALUES, int(t.min()), int(t.max()) + 1)
        for device in np.unique(table["device"]).tolist()
        for t in (table["t"][table["device"] == device],)
    ]


def fused_again(table: Table) -> Table:
    """Values of one patient fused from what is stored of a time, above all earlier revisions.

    Parameters
    ----------
    table : stored values in their highest revision, fused ones among them. Of live values every
        fifth second is kept, so only those moments are fused again
    """
    before = table[(table["device"] == MANY) & (table["t"] % STORED_EVERY_US == 0)]
    revision = int(before["revision"].max(initial=0)) + 1
    sources = table[(table["device"] != MANY) & ~np.isin(table["method"], list(NOT_SOURCES))]
    given = []
    for fusion in FUSIONS:
        if fusion.gives is None:
            continue
        mine = sources[np.isin(sources["measure"], [int(measure) for measure in fusion.of])]
        moments: dict[int, list[Row]] = {}
        for row in map(Row._make, mine[mine["t"] % STORED_EVERY_US == 0].tolist()):
            moments.setdefault(row.t, []).append(row)
        asked = [Asked(r[0].patient, t, r) for t, r in sorted(moments.items()) if len(r) > 1]
        if asked:
            given.append(fused_rows(fusion, asked, judge(fusion, [one.rows for one in asked])))
    fused = np.concatenate([np.empty(0, dtype=VITAL), *given])
    fused["revision"] = revision
    fused["flags"] |= np.uint16(ValueFlag.LATE)
    return fused


def judge(fusion: Fusion, asked: list[list[Row]]) -> Together:
    """What the sources of some moments say together, the same in whatever order they came."""
    values = np.full((len(asked), MOST_SOURCES), np.nan)
    qualities = np.zeros((len(asked), MOST_SOURCES))
    for place, rows in enumerate(asked):
        for source, row in enumerate(sorted(rows, key=source_of)[:MOST_SOURCES]):
            values[place, source], qualities[place, source] = row.value, row.quality
    return together(values, qualities, fusion.tolerance)


def source_of(row: Row) -> Source:
    """Who says a value."""
    return row.measure, row.device, row.method


def fused_rows(fusion: Fusion, asked: list[Asked], found: Together) -> Table:
    """Rows of `VITAL` of moments that were judged; absent where nothing can be told."""
    assert fusion.gives is not None
    table = vital_rows(
        Reading(fusion.gives, fusion.method, found.value, found.quality, np.ones(len(asked))),
        device=np.full(len(asked), MANY, dtype=np.int32),
        t=np.array([one.t for one in asked]),
        received=np.array([max(row.received for row in one.rows) for one in asked]),
        frame_flags=np.zeros(len(asked), dtype=np.uint32),
        age_s=np.full(len(asked), 3600),
    )
    table["patient"] = [one.patient for one in asked]
    for place, one in enumerate(asked):
        if any(row.flags & ValueFlag.SIMULATED for row in one.rows):
            table["flags"][place] |= ValueFlag.SIMULATED
    return table
