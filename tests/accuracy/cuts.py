"""One signal cut anyhow: frames of any length, in messages grouped anyhow.

Devices of one lane send the same; what is said of each must be the same bits. Rows beside each
other do not matter (`test_estimators`), so that many ways to cut are one run.
"""

import io
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.lane import Computed, LaneSignals
from shared.contracts.events import EventKind
from shared.contracts.frames import FRAME, FrameBatch, SampleFormat
from tests.accuracy.scenes import Scene, Sent
from tests.unit.services.dsp.signals import START_S

SECOND_US = 1_000_000
LATENCY_US = 80_000
SHORTEST_S = 0.04
LONGEST_S = 1.7  # shorter than the time for which a hole is kept open
TECHNICAL = frozenset({EventKind.SAMPLES_MISSING})


class Cutting(NamedTuple):
    """How one device sends.

    Attributes
    ----------
    lengths_s : of its frames, in turn, each as a whole number of samples and at least one
    """

    lengths_s: tuple[float, ...]


class _Piece(NamedTuple):
    received: int
    row: tuple[Any, ...]
    octets: bytes


def told_by_device(
    scene: Scene,
    cuttings: Sequence[Cutting],
    *,
    seconds: int,
    groups: Sequence[int] = (1,),
    saved_at: int | None = None,
) -> list[tuple[bytes, ...]]:
    """All that a lane says of each device; each sends the first person's signal in its own way.

    Parameters
    ----------
    groups : frames of each message, in turn; computed after each message
    saved_at : after so many messages every state is written to bytes and read again
    """
    pieces = [
        piece
        for device, cutting in enumerate(cuttings, 1)
        for sent in (scene.main, *scene.beside)
        for piece in _pieces(sent, device, cutting, seconds, scene.flags)
    ]
    pieces.sort(key=_arrival)
    lane, everything = LaneSignals(circumstances=scene.circumstances), Computed()
    at = message = 0
    while at < len(pieces):
        n = groups[message % len(groups)]
        lane.take(_batch(pieces[at : at + n]))
        done = lane.compute()
        everything.vitals += done.vitals
        everything.beats += done.beats
        everything.events += done.events
        at, message = at + n, message + 1
        if message == saved_at:
            write_and_read_states(lane)
    assert not everything.late
    return [_of_device(everything, device) for device in range(1, len(cuttings) + 1)]


def _arrival(piece: _Piece) -> int:
    return piece.received


def _pieces(sent: Sent, device: int, cutting: Cutting, seconds: int, flags: int) -> list[_Piece]:
    """The whole run as frames that come 80 ms after their last sample."""
    n, first, number = seconds * sent.rate_hz, 0, 0
    pieces = []
    while first < n:
        length_s = cutting.lengths_s[number % len(cutting.lengths_s)]
        end = min(n, first + max(1, round(length_s * sent.rate_hz)))
        values = sent.samples[0][:, first:end]
        octets = np.ascontiguousarray(values.T, dtype="<f4").tobytes()
        begin = START_S * SECOND_US
        received = begin + end * SECOND_US // sent.rate_hz + LATENCY_US
        row = (
            device, 1, number, 0, sent.stream, begin + first * SECOND_US // sent.rate_hz,
            round(1e9 / sent.rate_hz), received, flags, len(values),
            SampleFormat.FLOAT32, sent.place, 1.0, 0.0,
        )  # fmt: skip
        pieces.append(_Piece(received, row, octets))
        first, number = end, number + 1
    return pieces


def _batch(pieces: Sequence[_Piece]) -> FrameBatch:
    starts = np.cumsum([0, *(len(piece.octets) for piece in pieces)])
    rows = [
        (*piece.row, start, len(piece.octets))
        for piece, start in zip(pieces, starts.tolist(), strict=False)
    ]
    octets = b"".join(piece.octets for piece in pieces)
    return FrameBatch(np.array(rows, dtype=FRAME), memoryview(octets))


def _of_device(computed: Computed, device: int) -> tuple[bytes, ...]:
    """Every value, beat and finding, in the order of time; not when the newest frame came."""
    told = []
    for tables in (computed.vitals, computed.beats):
        if not tables:
            continue
        table = np.concatenate(tables)
        table = table[table["device"] == device].copy()
        for column in ("device", "received"):
            if column in (table.dtype.names or ()):
                table[column] = 0
        keys = [name for name in ("method", "measure", "kind", "class", "t") if _has(table, name)]
        told.append(table[np.lexsort([table[name] for name in keys])].tobytes())
    found = sorted(
        f"{event.t} {event.kind} {sorted(event.data.items())}"
        for event in computed.events
        if event.device == device and event.kind not in TECHNICAL
    )
    return (*told, "\n".join(found).encode())


def _has(table: NDArray[Any], name: str) -> bool:
    return name in (table.dtype.names or ())


def write_and_read_states(lane: LaneSignals) -> int:
    """Every state of a lane becomes bytes and an array again; gives the bytes."""
    total = 0
    for group in lane._groups.values():
        for place, state in enumerate(group._states):
            octets = written(state)
            total += len(octets)
            group._states[place] = read(octets, state)
    return total


def written(state: Any) -> bytes:
    """A state as an archive of plain arrays, nothing pickled."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **_arrays(state, ""))
    return file.getvalue()


def read(octets: bytes, like: Any) -> Any:
    """The state again; `like` gives its form only."""
    with np.load(io.BytesIO(octets), allow_pickle=False) as archive:
        return _formed(dict(archive), like, "")


def _arrays(state: Any, under: str) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    for field in fields(state):
        value = getattr(state, field.name)
        name = f"{under}{field.name}"
        if isinstance(value, np.ndarray):
            found[name] = value
        else:
            found.update(_arrays(value, f"{name}."))
    return found


def _formed(arrays: dict[str, NDArray[Any]], like: Any, under: str) -> Any:
    changes = {}
    for field in fields(like):
        value, name = getattr(like, field.name), f"{under}{field.name}"
        is_array = isinstance(value, np.ndarray)
        changes[field.name] = arrays[name] if is_array else _formed(arrays, value, f"{name}.")
    return replace(like, **changes)
