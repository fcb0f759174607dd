"""Replays recordings in real time, and writes down when they began, so that references map."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import final

from devices.sdk import Frame
from devices.simulators.bedside_monitor import Outgoing
from devices.simulators.recordings import RecordedStream, Recording


@final
class Replay:
    """One recording as a device; it begins again after its last whole second.

    The integers travel as they are stored, with scale and unit of the record.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def second(self, second: int, start_us: int) -> list[Outgoing]:
        """Samples of one second of the record; `start_us` is the clock at its beginning."""
        place = second % self._recording.duration_s
        frames = [
            frame
            for stream in self._recording.streams
            if (frame := _cut(stream, place, start_us)) is not None
        ]
        return [Outgoing(frames, lead_off=False)]

    def set_ecg_rate(self, hz: int) -> bool:  # noqa: ARG002 - a record has its rate
        """A record has the rate it has."""
        return False

    def is_disconnected(self, time_s: float) -> bool:  # noqa: ARG002 - a record has no network
        """Never."""
        return False


def _cut(stream: RecordedStream, second: int, start_us: int) -> Frame | None:
    # At a rate that is no whole number, a second has now one sample more, now one less.
    first, last = round(second * stream.rate_hz), round((second + 1) * stream.rate_hz)
    if first == last:
        return None
    early_us = round((first / stream.rate_hz - second) * 1e6)
    return Frame(
        stream=stream.stream,
        samples=stream.counts[first:last],
        rate_hz=stream.rate_hz,
        scale=stream.scale,
        offset=stream.offset,
        place=stream.place,
        start_us=start_us + early_us,
    )


def write_replay_file(path: Path, recordings: Sequence[Recording], start_us: int) -> None:
    """Write when the replay began: sample i of a record was at start + i / rate, plus whole turns.

    A test compares what is shown with ``reference`` by it.
    """
    told = {
        "started_us": start_us,
        "records": [
            {
                "device": each.device,
                "model": each.model,
                "file": str(each.file),
                "reference": str(each.reference) if each.reference else None,
                "duration_s": each.duration_s,
                "streams": [
                    {
                        "stream": stream.stream.name.lower(),
                        "rate_hz": stream.rate_hz,
                        "channels": list(stream.channels),
                    }
                    for stream in each.streams
                ],
            }
            for each in recordings
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(told, indent=1) + "\n")
    unfinished.replace(path)
