"""What is let in: bounds on size, number, time and rate, each with its reason.

Hot path: under 1 us a frame. The codec has checked the form of the bytes, this checks the sense.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contracts.decoding import Decoded, Refused
from shared.contracts.frames import SampleFormat
from shared.contracts.instants import DAY, HOUR, SECOND
from shared.contracts.parking import Reason
from shared.contracts.quality import FrameFlag, MessageFlag
from shared.contracts.records import Table
from shared.contracts.streams import STREAMS, Place

SHORTEST_INTERVAL_NS = 10_000
"""100 kHz: twice the fastest sound card; radar and audio of bodies stay under 50 kHz."""
LONGEST_INTERVAL_NS = 86_400_000_000_000
"""One sample a day: a slower stream is single readings."""
LONGEST_FRAME_US = HOUR
"""A frame is a stretch of a live signal; a partition of the database is an hour long."""
LARGEST_DT_US = DAY
"""Parts of one message lie near each other; more is a mistake in units."""
OLDEST_READING_US = 366 * DAY
"""A single reading may be out of the memory of a unit, long before the message that brings it."""
MOST_NOTES = 256
"""Events of one message: a device that has more to tell is not telling people."""
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
SMALLEST_FLOAT32 = 1e-45  # what is less becomes 0
"""A record keeps scale and offset as 32-bit floats; codec `json` gives any double."""
LATE_US = 30 * SECOND
AHEAD_US = HOUR

_CHANNELS = {int(stream): len(row.channels) for stream, row in STREAMS.items()}
_PLACES = frozenset(int(place) for place in Place)
_FLOAT32 = int(SampleFormat.FLOAT32)
FRAME_FLAGS: tuple[int, ...] = tuple(
    int(
        (FrameFlag.LEAD_OFF if bits & MessageFlag.LEAD_OFF else 0)
        | (FrameFlag.SIMULATED if bits & MessageFlag.SIMULATED else 0)
        | (FrameFlag.SENSOR_FAULT if bits & MessageFlag.SENSOR_FAULT else 0)
    )
    for bits in range(256)
)
"""`FrameFlag` bits of each flags byte of a message."""
FRAME_FLAG_COLUMN = np.array(FRAME_FLAGS, np.uint32)
_MOST_CHANNELS = np.zeros(256, np.int64)
_MOST_CHANNELS[list(_CHANNELS)] = list(_CHANNELS.values())
_IS_PLACE = np.zeros(256, np.bool_)
_IS_PLACE[list(_PLACES)] = True


class TimeLimits(NamedTuple):
    """How far from now the first sample of a frame may lie."""

    back_us: int
    ahead_us: int = AHEAD_US


def refuse_message(
    message: Decoded, *, may_be_empty: bool = False, may_have_units: bool = False
) -> Refused | None:
    """Give why nothing of this message can be used, or None.

    Parameters
    ----------
    may_be_empty : of a byte stream: nothing need end in a piece of it
    may_have_units : its device may speak for units behind it
    """
    if not message.frames and not (may_be_empty or message.notes or message.words):
        return Refused(Reason.EMPTY_SAMPLES, "no frames", message.boot, message.n)
    if len(message.notes) > MOST_NOTES:
        return _refuse(message, Reason.TOO_LARGE, f"{len(message.notes)} notes")
    for note in message.notes:
        if not -LARGEST_DT_US <= note.dt_us <= LARGEST_DT_US:
            return _refuse(message, Reason.BAD_TIME, f"dt of {note.dt_us} us")
        if note.unit and not may_have_units:
            return _refuse(message, Reason.UNKNOWN_UNIT, "this model has no units")
    for frame in message.frames:
        stream, place, channels, samples, interval_ns, dt_us, layout, scale, offset, data, unit = (
            frame
        )
        if unit and not may_have_units:
            return _refuse(message, Reason.UNKNOWN_UNIT, "this model has no units")
        most_channels = _CHANNELS.get(stream)
        if most_channels is None:
            return _refuse(message, Reason.UNKNOWN_STREAM, f"stream {stream}")
        if samples <= 0 or not data:
            return _refuse(message, Reason.EMPTY_SAMPLES, "a frame without samples")
        if not 0 < channels <= most_channels:
            return _refuse(message, Reason.MALFORMED, f"{channels} channels")
        if place not in _PLACES:
            return _refuse(message, Reason.MALFORMED, f"place {place}")
        if not SHORTEST_INTERVAL_NS <= interval_ns <= LONGEST_INTERVAL_NS and (
            interval_ns or samples > 1
        ):
            return _refuse(message, Reason.BAD_RATE, f"interval of {interval_ns} ns")
        if samples * interval_ns > LONGEST_FRAME_US * 1_000 and samples > 1:
            return _refuse(message, Reason.BAD_RATE, "a frame of more than an hour")
        if not (abs(scale) <= LARGEST_FLOAT32 and abs(offset) <= LARGEST_FLOAT32):
            return _refuse(message, Reason.NOT_FINITE, "scale or offset")
        if abs(scale) < SMALLEST_FLOAT32:
            return _refuse(message, Reason.MALFORMED, "a scale of 0 makes all samples equal")
        if not -(LARGEST_DT_US if interval_ns else OLDEST_READING_US) <= dt_us <= LARGEST_DT_US:
            return _refuse(message, Reason.BAD_TIME, f"dt of {dt_us} us")
        if layout == _FLOAT32 and bool(np.isinf(np.frombuffer(data, "<f4")).any()):
            return _refuse(message, Reason.NOT_FINITE, "an infinite sample")
    return None


def admits_plain(heads: Table) -> NDArray[np.bool_]:
    """Tell of messages of one frame of integer samples whether `refuse_message` lets them in.

    Parameters
    ----------
    heads : as in `PlainMessages`
    """
    channels, samples = heads["channels"], heads["samples"].astype(np.int64)
    interval_ns = heads["interval_ns"].astype(np.int64)
    in_range = (interval_ns >= SHORTEST_INTERVAL_NS) & (interval_ns <= LONGEST_INTERVAL_NS)
    duration_ns = samples * np.where(in_range, interval_ns, 0)
    scale = heads["scale"]
    admitted: NDArray[np.bool_] = (
        (channels > 0)
        & (channels <= _MOST_CHANNELS[heads["stream"]])
        & (samples > 0)
        & _IS_PLACE[heads["place"]]
        & (in_range | ((interval_ns == 0) & (samples == 1)))
        & ((duration_ns <= LONGEST_FRAME_US * 1_000) | (samples == 1))
        & np.isfinite(scale)
        & np.isfinite(heads["offset"])
        & (scale != 0.0)
        & (np.abs(heads["dt_us"].astype(np.int64)) <= LARGEST_DT_US)
    )
    return admitted


def refuse_time(
    message: Decoded, offset_us: int, now_us: int, limits: TimeLimits
) -> Refused | None:
    """Give why the time of this message is not admitted, or None."""
    start_us = message.t_us + offset_us
    earliest_us = now_us - limits.back_us
    latest_us = now_us + limits.ahead_us
    for frame in message.frames:
        t0_us = start_us + frame.dt_us
        if not earliest_us <= t0_us <= latest_us:
            side = "too old" if t0_us < earliest_us else "in the future"
            return _refuse(message, Reason.BAD_TIME, f"a frame at {t0_us} us is {side}")
    for note in message.notes:
        if not earliest_us <= start_us + note.dt_us <= latest_us:
            return _refuse(message, Reason.BAD_TIME, f"a note at {start_us + note.dt_us} us")
    return None


def _refuse(message: Decoded, reason: Reason, detail: str) -> Refused:
    return Refused(reason, detail, message.boot, message.n)


class RateLimit:
    """A bucket of tokens for one device: so many messages a second, so many at once.

    An honest device is far below: it sends one message a second, and after an outage at most
    200 in flight. The bucket only keeps one broken device from filling its lane.
    """

    __slots__ = ("_at_us", "_burst", "_per_s", "_tokens")

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._tokens = burst
        self._at_us = 0

    def admit(self, now_us: int) -> bool:
        """Take one token if there is one. A clock that steps back gives none and takes none."""
        elapsed_us = now_us - self._at_us
        if elapsed_us > 0:
            self._at_us = now_us
            self._tokens = min(self._burst, self._tokens + elapsed_us * self._per_s / 1e6)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
