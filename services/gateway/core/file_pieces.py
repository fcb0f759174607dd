"""A file that was read, checked as a whole, and as batches of late frames.

Nothing of a file goes out before all of it is known to be usable. The identity of its frames is
that of its content: boot is the CRC-32 of its key, n the index of a piece.
"""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from services.gateway.core.admission import refuse_message
from services.gateway.core.batching import Batch, ClosedBatch
from shared.contracts.decoding import Decoded
from shared.contracts.events import Event, Severity, event_id
from shared.contracts.file_reading import BadFile, ReadFile
from shared.contracts.identity import DeviceKey
from shared.contracts.parking import Reason
from shared.contracts.quality import FrameFlag

LARGEST_PIECE_BYTES = 131_072
MOST_FRAMES = 256
MOST_PIECES = 1_000_000
"""A day of one lead in pieces of a tenth of a second."""


class FileContent(NamedTuple):
    """What a checked file holds. Times are of first and last sample, us UTC, half-open."""

    file: ReadFile
    boot: int
    n_pieces: int
    n_frames: int
    starts_us: int
    ends_us: int


class FileSender(NamedTuple):
    """Whose frames a file's are, and the choice that they carry (`Device.frame_flags`)."""

    device: DeviceKey
    simulated: bool
    frame_flags: int = 0


class FileBatch(NamedTuple):
    """Some pieces on their way: a batch for the stream of late frames, and events beside it.

    ``without_frames`` are the numbers of pieces that are events alone.
    """

    batch: ClosedBatch | None
    events: list[Event]
    without_frames: list[int]


def check_file(file: ReadFile, *, earliest_us: int, latest_us: int) -> FileContent | BadFile:
    """Give what a file holds, or why nothing of it can be taken in.

    Parameters
    ----------
    earliest_us, latest_us : times that are let in
    """
    boot = zlib.crc32(file.key.encode())
    n_pieces = n_frames = 0
    starts_us = ends_us = 0
    for n, piece in enumerate(file.pieces()):
        n_pieces += 1
        if n_pieces > min(file.n_pieces, MOST_PIECES):
            return BadFile(Reason.TOO_LARGE, f"more than {min(file.n_pieces, MOST_PIECES)} pieces")
        t_us, frames, notes = piece
        if not frames and not notes:
            return BadFile(Reason.EMPTY_SAMPLES, f"piece {n} is empty")
        if any(frame.unit for frame in frames) or any(note.unit for note in notes):
            return BadFile(Reason.UNKNOWN_UNIT, "a file of several devices; bring one for each")
        if len(frames) > MOST_FRAMES or sum(len(one.data) for one in frames) > LARGEST_PIECE_BYTES:
            return BadFile(Reason.TOO_LARGE, f"piece {n} has {len(frames)} frames")
        refused = refuse_message(Decoded(boot, n, t_us, 0, frames)) if frames else None
        if refused is not None:
            return BadFile(refused.reason, refused.detail)
        for frame in frames:
            begins_us = t_us + frame.dt_us
            last_us = begins_us + (frame.samples - 1) * frame.interval_ns // 1_000
            if begins_us < earliest_us or last_us > latest_us:
                when = "older than what is let in" if begins_us < earliest_us else "in the future"
                return BadFile(Reason.BAD_TIME, f"samples are {when}; its time may be set anew")
            starts_us = min(starts_us, begins_us) if n_frames else begins_us
            ends_us = max(ends_us, last_us + 1) if n_frames else last_us + 1
            n_frames += 1
    if n_pieces != file.n_pieces:
        return BadFile(Reason.MALFORMED, f"{n_pieces} pieces where {file.n_pieces} are promised")
    if not n_frames:
        return BadFile(Reason.EMPTY_SAMPLES, "no samples")
    return FileContent(file, boot, n_pieces, n_frames, starts_us, ends_us)


def batches_of(content: FileContent, sender: FileSender, received_us: int) -> Iterator[FileBatch]:
    """Give the pieces of a file as batches, in their order; the same at each call."""
    flags = int(FrameFlag.LATE) | (int(FrameFlag.SIMULATED) if sender.simulated else 0)
    flags |= sender.frame_flags
    batch = Batch()
    events: list[Event] = []
    alone: list[int] = []
    for n, (t_us, frames, notes) in enumerate(content.file.pieces()):
        if not batch.has_room_for(len(frames), sum(len(one.data) for one in frames)):
            yield FileBatch(batch.close(), events, alone)
            events, alone = [], []
        for part, frame in enumerate(frames):
            stream, place, channels, _, interval_ns, dt_us, layout, scale, offset, data, _ = frame
            batch.add_frame(
                (
                    sender.device, content.boot, n, part, stream, t_us + dt_us, interval_ns,
                    received_us, flags, channels, layout, place, scale, offset,
                ),
                data,
            )  # fmt: skip
        if frames:
            batch.end_message(n)
        else:
            alone.append(n)
        events += [
            Event(
                id=event_id(note.kind, sender.device, content.boot, n, index),
                t=t_us + note.dt_us,
                kind=note.kind,
                severity=Severity.LOW,
                source="gateway",
                text_key=note.kind.value,
                device=sender.device,
                data={**note.data, "late": True},
            )
            for index, note in enumerate(notes)
        ]
    yield FileBatch(batch.close() if batch else None, events, alone)
