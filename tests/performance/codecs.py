"""``make bench WHAT=codecs``: what decoding costs, beside codec `packed` with the same samples.

A second of the signal is a message, as devices send it. CPU of this process alone: no broker, no
gateway. Codec and `packed` are measured in turns.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.codecs.chipox.packets import encode_realtime
from shared.codecs.json_frames import codec as json_frames
from shared.codecs.packed import codec as packed
from shared.codecs.ppg_terminal import codec as ppg_terminal
from shared.codecs.radar_iq import codec as radar_iq
from shared.codecs.smsg.layout import encode_ecg
from shared.codecs.telecare_file.blocks import block, encode_block
from shared.codecs.wellness_ecg import codec as wellness_ecg
from shared.contracts.decoding import Decoded, DecodedFrame, Decoder
from tests.harness.codecs import CODECS, ENVELOPE, load_samples, new_decoder

ROUNDS = 7
ROUND_S = 0.1
WITHIN = 5.0
"""How many times of `packed` a binary codec may take."""
NOT_JUDGED = frozenset({"json", "ppg_terminal, JSON", "packed, delta"})
"""Text, and our own form that spends time to save bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One message of a codec, as a device sends it in a second."""

    name: str
    codec: str
    what: str
    data: bytes


def _wave(samples: int, amplitude: int, middle: int) -> "np.ndarray[Any, np.dtype[np.int32]]":
    ticks = np.arange(samples)
    wave = amplitude * (np.sin(ticks / 20) + 0.1 * np.sin(ticks * 1.7))
    return np.asarray(middle + wave / 1.1).astype("<i4")


def loads() -> list[Load]:
    """Give a second of signal in each codec that carries samples; of others, their samples."""
    ecg = _wave(250, 2_000, 0).astype("<i2").tobytes()
    frame = DecodedFrame(1, 1, 1, 250, 4_000_000, 0, 1, 0.005, 0.0, ecg)
    one = Decoded(*ENVELOPE, 0, [frame])
    light = np.stack([_wave(100, 2_000, 131_072), _wave(100, 3_000, 98_304)], axis=1)
    finger = ppg_terminal.Block(light, 10_000_000, 36.6, (6.4, 12.0))
    wide = np.stack([_wave(1_000, 900_000, 50_000), _wave(1_000, 900_000, -70_000)], axis=1)
    narrow = (wide >> 8).astype("<i2")
    electrodes = np.stack([_wave(500, 900, shift) for shift in (0, 80, -60)], axis=1)
    words = _wave(200, 9_000, 32_768).astype(">u2").tobytes()
    hub = b"".join(encode_ecg(0xA1B2, words[at : at + 20]) for at in range(0, len(words), 20))
    telecare = encode_block(block(electrodes.astype("<i2"), rate_hz=500))
    found = [
        Load(name="packed", codec="packed", what="ECG, 250 Hz", data=packed.encode(one)),
        Load(
            name="packed, delta", codec="packed", what="ECG, 250 Hz",
            data=packed.encode(one, delta=True),
        ),
        Load(name="json", codec="json", what="ECG, 250 Hz", data=json_frames.encode(one)),
        Load(
            name="ppg_terminal, FIFO", codec="ppg_terminal", what="2 channels, 100 Hz",
            data=ppg_terminal.encode_fifo(finger),
        ),
        Load(
            name="ppg_terminal, JSON", codec="ppg_terminal", what="2 channels, 100 Hz",
            data=ppg_terminal.encode_json(finger, ENVELOPE),
        ),
        Load(
            name="radar_iq, 16 bits", codec="radar_iq", what="I and Q, 1000 Hz",
            data=radar_iq.encode(radar_iq.Block(narrow, bits=16)),
        ),
        Load(
            name="radar_iq, 24 bits", codec="radar_iq", what="I and Q, 1000 Hz",
            data=radar_iq.encode(radar_iq.Block(wide, bits=24)),
        ),
        Load(
            name="wellness_ecg", codec="wellness_ecg", what="ECG, 360 Hz",
            data=wellness_ecg.encode(_wave(360, 300, 512)),
        ),
        Load(name="smsg", codec="smsg", what="ECG, 200 Hz, 10 a message", data=hub),
        Load(
            name="chipox", codec="chipox", what="plethysmogram, 100 Hz, 50 a packet",
            data=encode_realtime(bytes(range(50))) + encode_realtime(bytes(range(150, 200))),
        ),
        Load(name="telecare_file", codec="telecare_file", what="3 leads, 500 Hz", data=telecare),
    ]  # fmt: skip
    named = {load.codec for load in found}
    for name, samples in load_samples().items():
        if name not in named:
            what = f"its samples, {len(samples.messages[0])} bytes"
            found.append(Load(name=name, codec=name, what=what, data=samples.messages[0]))
    return found


def measured() -> list[dict[str, Any]]:
    """Give the figures of each codec, beside those of `packed` for the frames that it gives."""
    rows = []
    for load in loads():
        decoder = new_decoder(CODECS[load.codec])
        message = next(one for one in decoder.feed(load.data, ENVELOPE) if isinstance(one, Decoded))
        same = packed.encode(
            message._replace(frames=[one._replace(unit="", dt_us=0) for one in message.frames])
        )
        ours, theirs = _in_turns(
            [_feeding(decoder, load.data), _feeding(packed.PackedDecoder(), same)]
        )
        n_frames = len(message.frames)
        rows.append(
            {
                "codec": load.name,
                "what": load.what,
                "bytes": len(load.data),
                "us": 1e6 * ours,
                "frames_per_s": n_frames / ours,
                "samples_per_s": sum(one.samples * one.channels for one in message.frames) / ours,
                "mb_per_s": len(load.data) / ours / 1e6,
                "packed_us": 1e6 * theirs if n_frames else None,
                "times": ours / theirs if n_frames else None,
            }
        )
    return rows


def _feeding(decoder: Decoder, data: bytes) -> Callable[[], object]:
    return lambda: decoder.feed(data, ENVELOPE)


def _in_turns(calls: Sequence[Callable[[], object]]) -> list[float]:
    """CPU seconds a call of each, the median of rounds in turns."""
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, seconds in zip(calls, found, strict=True):
            n_calls, began_s = 0, time.process_time()
            while (used_s := time.process_time() - began_s) < ROUND_S:
                for _ in range(50):
                    call()
                n_calls += 50
            seconds.append(used_s / n_calls)
    return [statistics.median(seconds) for seconds in found]


def is_kept(rows: Sequence[dict[str, Any]]) -> bool:
    """Whether every binary codec keeps within the times of `packed`."""
    return all(
        row["times"] is None or row["times"] <= WITHIN or row["codec"] in NOT_JUDGED for row in rows
    )


def told(rows: Sequence[dict[str, Any]]) -> str:
    """The figures as a table."""
    lines = [
        "| codec | a message | bytes | us | frames/s | samples/s | MB/s | packed, us | times |",
        "|---" * 9 + "|",
    ]
    for row in rows:
        beside = "| |" if row["times"] is None else f"{row['packed_us']:.1f} | {row['times']:.1f} |"
        lines.append(
            f"| {row['codec']} | {row['what']} | {row['bytes']} | {row['us']:.1f} "
            f"| {row['frames_per_s']:,.0f} | {row['samples_per_s'] / 1e6:.1f} M "
            f"| {row['mb_per_s']:.0f} | {beside}"
        )
    return "\n".join(lines)
