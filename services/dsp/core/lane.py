"""All that is computed of one lane: frames in, vital signs, beats and events out.

What comes out after some messages depends on these messages alone, not on when it is asked for:
so a replay from a saved offset gives the same, and who remembers up to which offset output was
given out gives nothing twice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from services.dsp.core.circumstances import Circumstances, nothing_told
from services.dsp.core.emission import SOURCE
from services.dsp.core.estimator import FORGOTTEN_S, Chain, Companion
from services.dsp.core.estimators import (
    CHOSEN,
    FILLED,
    MOST_CHANNELS,
    chains_for,
    mains_of,
    memory_of,
)
from services.dsp.core.following import Followed, Joint, Key, Seat
from services.dsp.core.frame_values import frame_values
from services.dsp.core.gaps import FRESH_US, HOLE_WAIT_US, SECOND_US, Late, Piece, Second, Track
from services.dsp.core.group import Group, GroupKey
from services.dsp.core.windows import Samples
from shared.contracts.events import Event, EventKind, Severity, event_id
from shared.contracts.frames import FrameBatch
from shared.contracts.quality import FrameFlag
from shared.contracts.records import Table
from shared.contracts.streams import STREAMS, Place, Stream

INTERVAL_NS = 1_000_000_000
ROWS_AT_ONCE = 512  # more of them leave the processor's cache: twice the cost a device at 4,096
FOR_EVER_US = int(np.iinfo(np.int64).max) // 2
LEAD_OFF = int(FrameFlag.LEAD_OFF)
SENSOR_FAULT = int(FrameFlag.SENSOR_FAULT)
IS_COMPUTED = np.zeros(1 << 16, dtype=np.bool_)  # by the stream of a record, 16 bits
IS_COMPUTED[list(MOST_CHANNELS)] = True
CONTRADICTION = "frames_contradict"  # why samples are missing: see `gaps`
RATE_TOLERANCE = 1e-4  # farther from a whole number of samples a second: interpolated
UNSETTLED_US = FRESH_US + HOLE_WAIT_US + 10 * SECOND_US  # so far back live values may be missing
BEGIN_US = FORGOTTEN_S * SECOND_US  # a row that has just begun gives other values for so long
HORIZON_US = np.zeros(1 << 16, dtype=np.int64)
"""So much older than the lane's time samples still matter to what is given out, by stream: what
its values remember, the age that live frames may have, the wait for a hole, and the time in which
a row counts as just begun."""
HORIZON_US[list(MOST_CHANNELS)] = [
    max(memory_of(main) for main in mains_of(stream)) * SECOND_US
    + FRESH_US + HOLE_WAIT_US + BEGIN_US + SECOND_US
    for stream in MOST_CHANNELS
]  # fmt: skip
LONGEST_HORIZON_US = int(HORIZON_US.max())


def whole_rate_hz(interval_ns: int) -> int:
    """Samples a second that estimators are given; slower ones come one by one."""
    return round(INTERVAL_NS / interval_ns) if 0 < interval_ns <= INTERVAL_NS else 1


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


class LaneSignals:
    """Reassembly and estimators of the devices of one lane.

    Parameters
    ----------
    only : the stream whose estimators run; others are taken as its companions. None: all
    told_as : the device of which events speak, by the number in the frames, when parts of time
        are computed side by side under numbers of their own; None: the device of the frames
    circumstances : gives what is known now
    """

    def __init__(
        self,
        *,
        only: int | None = None,
        told_as: Mapping[int, int] | None = None,
        circumstances: Callable[[], Circumstances] = nothing_told,
    ) -> None:
        self.now = 0  # us UTC: the newest arrival among all frames taken
        self._only = only
        self._told_as = told_as
        self._circumstances = circumstances
        self._followed: dict[Key, Followed] = {}
        self._groups: dict[GroupKey, Group] = {}
        self._touched: dict[Key, Followed] = {}
        self._waiting: dict[Key, Followed] = {}
        self._joints_waiting: list[Joint] = []
        self._left: list[Followed] = []
        self._late: list[LateSamples] = []

    @property
    def n_streams(self) -> int:
        """Streams of devices that are followed."""
        return len(self._followed)

    def in_windows(self) -> list[LateSamples]:
        """Time from which values still rest on samples, of each stream: it ends with the newest.

        Whoever goes on from here with empty windows has it computed again.
        """
        streams = sorted(
            {(key.device, key.stream) for key, one in self._followed.items() if one.seats}
        )
        start, end = self.now - UNSETTLED_US, self.now + BEGIN_US
        return [LateSamples(device, stream, start, end) for device, stream in streams]

    def take(self, batch: FrameBatch, *, given_until: int | None = None) -> None:
        """Take the frames of one message. Nothing is computed yet.

        Parameters
        ----------
        given_until : the lane's time up to which all was given out, when that is replayed: what
            is too old to matter after it is left out
        """
        before = self.now
        stream = batch.table["stream"].astype(np.uint16)
        wanted = IS_COMPUTED[stream]
        if given_until is not None:
            wanted &= batch.table["t0"] >= given_until - HORIZON_US[stream]
        table = batch.table[wanted]
        columns = zip(
            frame_values(table, batch.samples),
            table["device"].tolist(), table["stream"].tolist(), table["interval_ns"].tolist(),
            table["channels"].tolist(), table["place"].tolist(), table["t0"].tolist(),
            table["received"].tolist(), table["flags"].tolist(), strict=True,
        )  # fmt: skip
        for (
            samples,
            device,
            stream_id,
            interval_ns,
            channels,
            place,
            t0,
            received,
            flags,
        ) in columns:
            key = Key(device, stream_id, place)
            followed = self._find(key, interval_ns, channels, flags & CHOSEN)
            if followed is None:
                continue
            piece = _piece(samples, followed, t0, interval_ns, received, flags)
            self._touched[followed.key] = followed
            if piece is not None:
                self._add(followed, piece, before)
        self.now = max(before, int(batch.table["received"].max()))

    def _add(self, followed: Followed, piece: Piece, before: int) -> None:
        for joint in followed.joints:
            joint.settle(before)
        late = followed.track.add(piece, before)
        key = followed.key
        if late is not None and followed.seats:
            self._note_late(key.device, key.stream, late)
        for joint in followed.joints:
            missed = joint.late(followed, piece)
            if missed is not None:
                self._note_late(key.device, joint.main.key.stream, missed)

    def compute(self) -> Computed:
        """Everything that is settled by now, computed."""
        computed = Computed(late=self._late)
        self._late = []
        due = self._touched | self._waiting
        self._touched = {}
        self._waiting = {
            key: followed for key, followed in due.items() if followed.settle(self.now)
        }
        joints = dict.fromkeys(self._joints_waiting)
        joints.update((joint, None) for followed in due.values() for joint in followed.joints)
        self._joints_waiting = [joint for joint in joints if joint.settle(self.now)]
        mains = {joint.main.key: joint.main for joint in joints} | due
        by_group: dict[GroupKey, list[Seat]] = {}
        for followed in (*self._left, *mains.values()):
            self._tell_all(followed, computed)
            for seat in followed.seats:
                if seat.ready:
                    by_group.setdefault(seat.group.key, []).append(seat)
        for key, seats in by_group.items():
            _run(self._groups[key], seats, computed)
        for followed in self._left:
            for seat in followed.seats:
                seat.group.leave(seat.row)
                if seat.group.is_empty:
                    self._groups.pop(seat.group.key, None)
        self._left = []
        return computed

    def _find(self, key: Key, interval_ns: int, channels: int, chosen: int) -> Followed | None:
        followed = self._followed.get(key)
        rate_hz = whole_rate_hz(interval_ns)
        if followed is not None:
            is_same = followed.channels == channels and followed.chosen == chosen
            if is_same and followed.track.rate_hz == rate_hz:
                return followed
            self._leave(followed)
        is_run = self._only is None or self._only == key.stream
        chains = chains_for(key.stream, channels, rate_hz, key.place, chosen) if is_run else ()
        if not chains and mains_of(key.stream) in ((), (key.stream,)):
            return None
        followed = Followed(
            key=key,
            channels=channels,
            chosen=chosen,
            track=Track(
                rate_hz=rate_hz,
                channels=MOST_CHANNELS[key.stream]
                if key.stream in FILLED
                else min(channels, MOST_CHANNELS[key.stream]),
                hole_wait_us=HOLE_WAIT_US if rate_hz > 1 else 0,
            ),
        )
        for chain in chains:
            self._seat(followed, chain)
        self._meet(followed)
        self._followed[key] = followed
        return followed

    def _seat(self, followed: Followed, chain: Chain) -> None:
        """A row for a stream in the group of a chain."""
        rate_hz = followed.track.rate_hz
        group = self._groups.get(Group.key_of(chain, rate_hz))
        if group is None:
            group = Group(
                chain=chain,
                rate_hz=rate_hz,
                told_as=self._told_as,
                circumstances=self._circumstances,
            )
            self._groups[group.key] = group
        seat = Seat(group=group, row=group.join(followed.key.device))
        followed.seats.append(seat)
        wanted = chain[0].companions
        if not wanted:
            return
        seat.joint = Joint(main=followed, seat=seat, wanted=wanted)
        followed.joints.append(seat.joint)
        for place, companion in enumerate(wanted):
            other = self._followed.get(_key_beside(followed.key, companion))
            if other is not None:
                seat.joint.companions[place] = other
                other.joints.append(seat.joint)

    def _meet(self, followed: Followed) -> None:
        """Let a stream accompany those of its device that wait for it."""
        key = followed.key
        for main in mains_of(key.stream):
            for place in Place:
                other = self._followed.get(Key(key.device, main, place))
                for seat in () if other is None else other.seats:
                    joint = seat.joint
                    for index, companion in enumerate(joint.wanted if joint else ()):
                        if joint and _key_beside(joint.main.key, companion) == key:
                            joint.companions[index] = followed
                            followed.joints.append(joint)

    def _leave(self, followed: Followed) -> None:
        """Follow a stream no more that has another form now; what is settled still counts."""
        for known in (self._followed, self._touched, self._waiting):
            known.pop(followed.key, None)
        followed.settle(self.now)
        for joint in followed.joints:
            joint.settle(FOR_EVER_US if joint.main is followed else self.now)
            if joint.main is followed:
                for companion in joint.companions:
                    if companion is not None:
                        companion.joints.remove(joint)
            else:
                joint.companions = [None if one is followed else one for one in joint.companions]
        self._left.append(followed)

    def _note_late(self, device: int, stream: int, late: Late) -> None:
        self._late.append(LateSamples(device, stream, late.start_us, late.end_us))

    def _tell_all(self, followed: Followed, computed: Computed) -> None:
        if followed.seats:
            for second in followed.told:
                self._tell(followed, second, computed)
        followed.told.clear()

    def _tell(self, followed: Followed, second: Second, computed: Computed) -> None:
        """Events of one second: an electrode came off or on, samples are missing."""
        t = second.second * SECOND_US
        if second.received:
            turned = (second.flags ^ followed.flags) & LEAD_OFF
            if turned:
                off = bool(second.flags & LEAD_OFF)
                kind = EventKind.LEAD_OFF if off else EventKind.LEAD_ON
                severity = Severity.LOW if off else Severity.INFO
                computed.events.append(self._event(followed.key, kind, severity, t))
            if second.flags & ~followed.flags & SENSOR_FAULT:
                computed.events.append(
                    self._event(followed.key, EventKind.SENSOR_FAULT, Severity.LOW, t)
                )
            followed.flags = second.flags
        off = bool(second.flags & (LEAD_OFF | SENSOR_FAULT))
        hole = followed.track.rate_hz > 1 and not off and _is_missing_some(second.values)
        jumped = followed.track.rate_hz > 1 and second.second > followed.following
        if followed.following and not followed.in_hole and (hole or jumped):
            kind = EventKind.SAMPLES_MISSING
            began = min(second.second, followed.following) * SECOND_US
            why = {"reason": CONTRADICTION} if second.contradicts else {}
            computed.events.append(self._event(followed.key, kind, Severity.INFO, began, **why))
        followed.in_hole = hole
        followed.following = second.second + 1

    def _event(self, key: Key, kind: EventKind, severity: Severity, t: int, **more: str) -> Event:
        told_as = key.device if self._told_as is None else self._told_as[key.device]
        return Event(
            id=event_id(SOURCE, kind, told_as, key.stream, t),
            t=t,
            kind=kind,
            severity=severity,
            source=SOURCE,
            text_key=kind.value,
            device=key.device,
            data={"stream": STREAMS[Stream(key.stream)].key, **more},
        )


def _key_beside(main: Key, companion: Companion) -> Key:
    place = main.place if companion.place is None else int(companion.place)
    return Key(main.device, int(companion.stream), place)


def _run(group: Group, seats: Sequence[Seat], computed: Computed) -> None:
    """Step a group until nothing of these seats is ready."""
    while seats:
        for first in range(0, len(seats), ROWS_AT_ONCE):
            emitted = group.step(seats[first : first + ROWS_AT_ONCE])
            computed.vitals += emitted.vitals
            computed.beats += emitted.beats
            computed.events += emitted.events
        seats = [seat for seat in seats if seat.ready]


def _piece(
    samples: Samples, followed: Followed, t0: int, interval_ns: int, received: int, flags: int
) -> Piece | None:
    """Samples of a frame on the grid of their stream; None when there is nothing in them."""
    rate_hz = followed.track.rate_hz
    values = samples[: followed.track.channels]
    if len(values) < followed.track.channels:
        values = _filled(values, followed.track.channels)
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


def _filled(values: Samples, channels: int) -> Samples:
    """With channels that are not sent, NaN."""
    filled = np.full((channels, values.shape[1]), np.nan)
    filled[: len(values)] = values
    return filled


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
