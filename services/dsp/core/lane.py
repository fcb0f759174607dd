"""All that is computed of one lane: frames in, vital signs, beats and events out.

What comes out after some messages depends on these messages alone, not on when it is asked for:
so a replay from a saved offset gives the same, and who remembers up to which offset output was
given out gives nothing twice.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from services.dsp.core.estimators import ESTIMATORS, estimator_for
from services.dsp.core.frame_values import frame_values
from services.dsp.core.gaps import FRESH_US, HOLE_WAIT_US, SECOND_US, Late, Piece, Second, Track
from services.dsp.core.group import Group
from services.dsp.core.windows import Samples
from shared.contracts.events import Event, EventKind, Severity, event_id
from shared.contracts.frames import FrameBatch
from shared.contracts.quality import FrameFlag
from shared.contracts.records import Table
from shared.contracts.streams import STREAMS, Stream

INTERVAL_NS = 1_000_000_000
LEAD_OFF = int(FrameFlag.LEAD_OFF)
SENSOR_FAULT = int(FrameFlag.SENSOR_FAULT)
IS_COMPUTED = np.zeros(1 << 16, dtype=np.bool_)  # by the stream of a record, 16 bits
IS_COMPUTED[[int(estimator.stream) for estimator in ESTIMATORS]] = True
RATE_TOLERANCE = 1e-4  # farther from a whole number of samples a second: interpolated
SOURCE = "dsp"
UNSETTLED_US = FRESH_US + HOLE_WAIT_US + 10 * SECOND_US  # so far back live values may be missing
BEGIN_US = 12 * SECOND_US  # a row that has just begun gives other values for so long


class LateSamples(NamedTuple):
    """Samples of a device that came after their time was settled."""

    device: int
    stream: int
    start_us: int
    end_us: int


@dataclass(slots=True)
class Computed:
    """What came out: tables of ``vitals.v1`` and ``beats.v1``, events, and what came late."""

    vitals: list[Table] = field(default_factory=list)
    beats: list[Table] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    late: list[LateSamples] = field(default_factory=list)


class _Key(NamedTuple):
    device: int
    stream: int
    place: int


@dataclass(slots=True, kw_only=True)
class _Followed:
    """One stream of one device from one place, on its way into a group.

    When the device sends it at another rate or with other channels, it begins anew.
    """

    key: _Key
    channels: int
    track: Track
    group: Group
    row: int
    flags: int = 0
    in_hole: bool = False
    following: int = 0  # the second that should be settled next; 0 before the first


class LaneSignals:
    """Reassembly and estimators of the devices of one lane."""

    def __init__(self) -> None:
        self.now = 0  # us UTC: the newest arrival among all frames taken
        self._followed: dict[_Key, _Followed] = {}
        self._groups: dict[tuple[str, int], Group] = {}
        self._touched: dict[_Key, _Followed] = {}
        self._waiting: dict[_Key, _Followed] = {}
        self._left: list[_Followed] = []
        self._late: list[LateSamples] = []

    @property
    def n_streams(self) -> int:
        """Streams of devices that are followed."""
        return len(self._followed)

    def in_windows(self) -> list[LateSamples]:
        """Time from which values still rest on samples, of each stream: it ends with the newest.

        Whoever goes on from here with empty windows has it computed again.
        """
        streams = sorted({(key.device, key.stream) for key in self._followed})
        start, end = self.now - UNSETTLED_US, self.now + BEGIN_US
        return [LateSamples(device, stream, start, end) for device, stream in streams]

    def take(self, batch: FrameBatch) -> None:
        """Take the frames of one message. Nothing is computed yet."""
        before = self.now
        table = batch.table[IS_COMPUTED[batch.table["stream"].astype(np.uint16)]]
        columns = zip(
            frame_values(table, batch.samples),
            table["device"].tolist(), table["stream"].tolist(), table["interval_ns"].tolist(),
            table["channels"].tolist(), table["place"].tolist(), table["t0"].tolist(),
            table["received"].tolist(), table["flags"].tolist(), strict=True,
        )  # fmt: skip
        for samples, device, stream, interval_ns, channels, place, t0, received, flags in columns:
            followed = self._find(_Key(device, stream, place), interval_ns, channels)
            if followed is None:
                continue
            piece = self._piece(samples, followed, t0, interval_ns, received, flags)
            late = followed.track.add(piece, before) if piece is not None else None
            self._touched[followed.key] = followed
            if late is not None:
                self._note_late(followed, late)
        self.now = max(before, int(batch.table["received"].max()))

    def compute(self) -> Computed:
        """Everything that is settled by now, computed."""
        computed = Computed(late=self._late)
        self._late = []
        due = self._touched | self._waiting
        self._touched = {}
        self._waiting = {
            key: followed for key, followed in due.items() if followed.track.settle(self.now)
        }
        by_group: dict[tuple[str, int], list[_Followed]] = {}
        for followed in (*self._left, *due.values()):
            if followed.track.ready:
                by_group.setdefault(followed.group.key, []).append(followed)
        for key, members in by_group.items():
            self._run(self._groups[key], members, computed)
        for followed in self._left:
            followed.group.leave(followed.row)
            if followed.group.is_empty:
                self._groups.pop(followed.group.key, None)
        self._left = []
        return computed

    def _run(self, group: Group, members: list[_Followed], computed: Computed) -> None:
        """Step the group until nothing of its members is ready."""
        for followed in members:
            for second in followed.track.ready:
                self._tell(followed, second, computed)
        ready = [(followed.row, followed.track.ready) for followed in members]
        while ready:
            output = group.step(ready)
            computed.vitals += output.vitals
            computed.beats += output.beats
            ready = [(row, seconds) for row, seconds in ready if seconds]

    def _find(self, key: _Key, interval_ns: int, channels: int) -> _Followed | None:
        followed = self._followed.get(key)
        rate_hz = round(INTERVAL_NS / interval_ns) if 0 < interval_ns <= INTERVAL_NS else 1
        if followed is not None:
            if followed.track.rate_hz == rate_hz and followed.channels == channels:
                return followed
            self._leave(followed)
        estimator = estimator_for(key.stream, channels, rate_hz)
        if estimator is None:
            return None
        group = self._groups.get((estimator.key, rate_hz))
        if group is None:
            group = Group(estimator=estimator, rate_hz=rate_hz)
            self._groups[group.key] = group
        followed = _Followed(
            key=key,
            channels=channels,
            track=Track(
                rate_hz=rate_hz,
                channels=estimator.n_channels,
                hole_wait_us=HOLE_WAIT_US if rate_hz > 1 else 0,
            ),
            group=group,
            row=group.join(key.device),
        )
        self._followed[key] = followed
        return followed

    def _leave(self, followed: _Followed) -> None:
        """Follow a stream no more that has another form now; what is settled still counts."""
        for known in (self._followed, self._touched, self._waiting):
            known.pop(followed.key, None)
        followed.track.settle(self.now)
        self._left.append(followed)

    def _piece(
        self, samples: Samples, followed: _Followed, t0: int, interval_ns: int, received: int,
        flags: int,
    ) -> Piece | None:  # fmt: skip
        rate_hz = followed.track.rate_hz
        values = samples[: followed.track.channels]
        if flags & (LEAD_OFF | SENSOR_FAULT):
            values = np.full_like(values, np.nan)
        if values.shape[1] == 0:
            return None
        if rate_hz > 1 and abs(INTERVAL_NS / interval_ns / rate_hz - 1) > RATE_TOLERANCE:
            t0, values = _on_grid(t0, interval_ns, rate_hz, values)
            if values.shape[1] == 0:
                return None
        if rate_hz == 1:  # each reading counts for the second in which it was taken
            first, values = _in_their_seconds(t0, interval_ns, values)
        else:
            first = (2 * t0 * rate_hz + SECOND_US) // (2 * SECOND_US)
        phase_us = t0 - first * SECOND_US // rate_hz
        return Piece(first, first + values.shape[1], values, phase_us, received, flags)

    def _note_late(self, followed: _Followed, late: Late) -> None:
        key = followed.key
        self._late.append(LateSamples(key.device, key.stream, late.start_us, late.end_us))

    def _tell(self, followed: _Followed, second: Second, computed: Computed) -> None:
        """Events of one second: an electrode came off or on, samples are missing."""
        t = second.second * SECOND_US
        if second.received:
            turned = (second.flags ^ followed.flags) & LEAD_OFF
            if turned:
                off = bool(second.flags & LEAD_OFF)
                kind = EventKind.LEAD_OFF if off else EventKind.LEAD_ON
                severity = Severity.LOW if off else Severity.INFO
                computed.events.append(_event(followed.key, kind, severity, t))
            if second.flags & ~followed.flags & SENSOR_FAULT:
                computed.events.append(
                    _event(followed.key, EventKind.SENSOR_FAULT, Severity.LOW, t)
                )
            followed.flags = second.flags
        off = bool(second.flags & (LEAD_OFF | SENSOR_FAULT))
        hole = followed.track.rate_hz > 1 and not off and _is_missing_some(second.values)
        jumped = followed.track.rate_hz > 1 and second.second > followed.following
        if followed.following and not followed.in_hole and (hole or jumped):
            kind = EventKind.SAMPLES_MISSING
            began = min(second.second, followed.following) * SECOND_US
            computed.events.append(_event(followed.key, kind, Severity.INFO, began))
        followed.in_hole = hole
        followed.following = second.second + 1


def _event(key: _Key, kind: EventKind, severity: Severity, t: int) -> Event:
    return Event(
        id=event_id(SOURCE, kind, key.device, key.stream, t),
        t=t,
        kind=kind,
        severity=severity,
        source=SOURCE,
        text_key=kind.value,
        device=key.device,
        data={"stream": STREAMS[Stream(key.stream)].key},
    )


def _is_missing_some(values: Samples) -> bool:
    """Whether a sample is NaN: then the sum is, as no sample is infinite."""
    return bool(np.isnan(np.add.reduce(values, axis=None)))


def _in_their_seconds(t0: int, interval_ns: int, values: Samples) -> tuple[int, Samples]:
    """Readings at the seconds in which they were taken, and the first of these seconds."""
    n = values.shape[1]
    second = (t0 + np.arange(n) * (interval_ns // 1000)) // SECOND_US
    first = int(second[0])
    spread = np.full((len(values), int(second[-1]) - first + 1), np.nan)
    spread[:, second - first] = values
    return first, spread


def _on_grid(t0: int, interval_ns: int, rate_hz: int, values: Samples) -> tuple[int, Samples]:
    """Samples of an uneven rate on the whole-numbered one, and the instant of the first."""
    n = values.shape[1]
    end = t0 + (n - 1) * interval_ns // 1000
    first = -(-t0 * rate_hz // SECOND_US)
    last = end * rate_hz // SECOND_US
    place = np.arange(first, last + 1) * (SECOND_US / rate_hz) - t0
    taken = np.arange(n) * (interval_ns / 1000)
    channels = [np.interp(place, taken, channel) for channel in values]
    return first * SECOND_US // rate_hz, np.array(channels).reshape(len(values), -1)
