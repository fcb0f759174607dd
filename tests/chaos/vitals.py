"""The vital signs and beats of a run without kills, in device time, held against the database.

The expected numbers come from the same estimators over the same samples, as if each frame had
arrived when its last sample was taken.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

import asyncpg
import numpy as np

from services.dsp.core.estimators import ESTIMATORS
from services.dsp.core.lane import LaneSignals
from shared.contracts.frames import Frame, decode_frames, encode_frames
from shared.contracts.methods import Method
from shared.contracts.quality import FrameFlag, ValueFlag
from shared.contracts.records import BadBatch
from tests.chaos.ledger import StoredFrame

SECOND_US = 1_000_000
# The end of the data: nothing behind it settles these seconds, of the slowest estimator too.
UNSETTLED_US = (6 + max(one.delay_s for one in ESTIMATORS)) * SECOND_US
KEPT_EACH_US = 5 * SECOND_US  # storage keeps the first live value of each five seconds


class ValueKey(NamedTuple):
    """Which value."""

    device: str
    t: int
    measure: int
    method: int


class Value(NamedTuple):
    """What must be the same in every run: bytes of the floats, so that NaN equals NaN."""

    value: bytes
    quality: bytes
    validity: int
    flags: int


class Beat(NamedTuple):
    """One beat as it must be in every run."""

    device: str
    t: int
    kind: int
    rr_ms: bytes
    quality: bytes


class Outcome(NamedTuple):
    """What came out of a run."""

    values: dict[ValueKey, Value]
    beats: set[Beat]


def undisturbed(stored: Iterable[StoredFrame]) -> Outcome:
    """What comes out when every frame arrives in time."""
    rows = sorted(stored, key=lambda row: (row.content.t0, row.identity))
    names = sorted({row.identity.device for row in rows})
    number_of = {name: number for number, name in enumerate(names, start=1)}
    signals = LaneSignals()
    vitals, beats = [], []
    seconds: dict[int, list[Frame]] = {}
    for row in rows:
        c = row.content
        n_samples = len(c.samples) // (2 * c.channels)
        end_us = c.t0 + n_samples * c.interval_ns // 1000
        frame = Frame(
            device=number_of[row.identity.device],
            boot=row.identity.boot,
            n=row.identity.n,
            part=row.part,
            stream=c.stream,
            t0=c.t0,
            interval_ns=c.interval_ns,
            received=end_us,
            flags=int(FrameFlag.SIMULATED),
            channels=c.channels,
            format=c.format,
            place=c.place,
            scale=c.scale,
            offset=c.offset,
            samples=c.samples,
        )
        seconds.setdefault(end_us // SECOND_US, []).append(frame)
    for _, frames in sorted(seconds.items()):
        batch = decode_frames(encode_frames(frames))
        assert not isinstance(batch, BadBatch)
        signals.take(batch)
        computed = signals.compute()
        vitals += computed.vitals
        beats += computed.beats
    outcome = Outcome({}, set())
    for table in vitals:
        for row in table:
            key = ValueKey(
                names[int(row["device"]) - 1],
                int(row["t"]),
                int(row["measure"]),
                int(row["method"]),
            )
            outcome.values[key] = Value(
                _float(row["value"]),
                _float(row["quality"]),
                int(row["validity"]),
                int(row["flags"]),
            )
    for table in beats:
        for row in table:
            outcome.beats.add(
                Beat(
                    names[int(row["device"]) - 1],
                    int(row["t"]),
                    int(row["kind"]),
                    _float(row["rr_ms"]),
                    _float(row["quality"]),
                )
            )
    return outcome


async def read_outcome(database: asyncpg.Connection, devices: Collection[str]) -> Outcome:
    """The last revision of everything in the database; what was withdrawn is not there.

    Without what is computed of stored beats, five minutes on the clock at a time: no estimator
    gives it, and it comes once the beats are settled (tests/integration/dsp/test_late.py).
    """
    values = await database.fetch(
        """
        select d.device, v.t, v.measure, v.method, v.value, v.quality, v.validity, v.flags
        from signal.vital_value v join registry.device d on d.id = v.device_id
        where d.device = any ($1) and v.method <> $2
        """,
        list(devices),
        int(Method.NORMAL_INTERVALS),
    )
    beats = await database.fetch(
        """
        select d.device, b.t, b.kind, b.rr_ms, b.quality
        from signal.beat b join registry.device d on d.id = b.device_id
        where b.quality > 0 and d.device = any ($1)
        """,
        list(devices),
    )
    return Outcome(
        {
            ValueKey(*row[:4]): Value(
                _float(row[4]), _float(row[5]), row[6], row[7] & ~int(ValueFlag.LATE)
            )
            for row in values
        },
        {Beat(row[0], row[1], row[2], _float(row[3]), _float(row[4])) for row in beats},
    )


def differences(expected: Outcome, found: Outcome) -> list[str]:
    """How the database departs from an undisturbed run; empty when it does not."""
    end = max(key.t for key in expected.values) - UNSETTLED_US
    told: list[str] = []
    for key, value in found.values.items():
        if key.t > end:
            continue
        wanted = expected.values.get(key)
        if wanted is None:
            told.append(f"a value too many: {key}")
        elif wanted != value:
            told.append(f"another value: {key} {_read(value)} instead of {_read(wanted)}")
    kept = {key._replace(t=key.t // KEPT_EACH_US) for key in found.values}
    told += [
        f"no value in these five seconds: {key}"
        for key in expected.values
        if key.t <= end and key._replace(t=key.t // KEPT_EACH_US) not in kept
    ]
    wanted_beats = {beat[:3]: beat for beat in expected.beats if beat.t <= end}
    found_beats = {beat[:3]: beat for beat in found.beats if beat.t <= end}
    for which in sorted(wanted_beats.keys() | found_beats.keys()):
        wanted_beat, found_beat = wanted_beats.get(which), found_beats.get(which)
        if wanted_beat != found_beat:
            instead = f"{_numbers(found_beat)} instead of {_numbers(wanted_beat)}"
            told.append(f"another beat: {which} {instead}")
    return told


def _float(value: float) -> bytes:
    number = np.float32(value)
    return np.float32("nan").tobytes() if np.isnan(number) else number.tobytes()


def _numbers(beat: Beat | None) -> str:
    if beat is None:
        return "none"
    rr_ms, quality = (float(np.frombuffer(part, "<f4")[0]) for part in beat[3:])
    return f"{rr_ms:.3f} ms (quality {quality:.6f})"


def _read(value: Value) -> str:
    numbers = [float(np.frombuffer(part, "<f4")[0]) for part in value[:2]]
    return f"{numbers[0]:.3f} (quality {numbers[1]:.3f}, {value.validity}, {value.flags})"
