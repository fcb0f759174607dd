"""What waits for one client of the live socket, and what becomes of it when the client is slow.

Vitals are conflated to the newest value a key; waveforms are dropped, oldest first, and the hole is
told as a gap; alarms, events and answers are never dropped: when they do not fit, the client has to
come again with its cursor. Pure: no socket, no clock, so that every overflow can be tested.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import orjson

from services.api.live.waveform_bytes import (
    MISSING,
    WaveformBlock,
    WaveformHeader,
    bundle,
    encode_first_block,
    frame_block,
    short_number,
)
from shared.contracts.instants import to_text

SLOTS = 1_024  # more than a client may have subscriptions, so that no two make the same handle


class VitalKey(NamedTuple):
    """What conflates: of one key only the newest value waits."""

    patient: str
    device: str
    measure: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueBounds:
    """How much may wait for one client."""

    messages: int = 1_000
    message_bytes: int = 4 << 20
    waveform_bytes: int = 1 << 20
    vitals: int = 20_000
    bundle_blocks: int = 512


class TooSlowError(Exception):
    """Something that is never dropped does not fit any more: close with 4008."""


@dataclass(slots=True)
class _Gap:
    start_us: int
    end_us: int


class _QueuedBlock(NamedTuple):
    subscription: str
    slot: int
    block: WaveformBlock
    as_text: bool


_Place = tuple[str, str, str, str, str]  # subscription, patient, device, stream, place


@dataclass(slots=True)
class QueueCounts:
    """What happened to this client's messages so far."""

    vitals_conflated: int = 0
    blocks_dropped: int = 0
    gaps_told: int = 0


@dataclass(slots=True)
class _Waiting:
    messages: deque[bytes] = field(default_factory=deque)
    message_bytes: int = 0
    vitals: dict[str, dict[VitalKey, bytes]] = field(default_factory=dict)
    n_vitals: int = 0
    blocks: deque[_QueuedBlock] = field(default_factory=deque)
    block_bytes: int = 0
    gaps: dict[tuple[str, str, str, str], _Gap] = field(default_factory=dict)
    state: bytes | None = None
    n_before_state: int = 0


class ClientQueue:
    """The bounded queue of one client; ``take`` gives what is to be sent now, in order."""

    def __init__(self, bounds: QueueBounds) -> None:
        self._bounds = bounds
        self._waiting = _Waiting()
        self._handles: dict[int, _Place] = {}
        self.counts = QueueCounts()

    def __bool__(self) -> bool:
        waiting = self._waiting
        return bool(
            waiting.messages
            or waiting.vitals
            or waiting.blocks
            or waiting.gaps
            or waiting.state is not None
        )

    @property
    def n_messages(self) -> int:
        """Alarms, events and answers that wait."""
        return len(self._waiting.messages)

    def put_message(self, message: bytes) -> None:
        """Queue an alarm, an event or an answer.

        Raises
        ------
        TooSlowError : it does not fit; it is not queued
        """
        waiting = self._waiting
        if (
            len(waiting.messages) >= self._bounds.messages
            or waiting.message_bytes + len(message) > self._bounds.message_bytes
        ):
            raise TooSlowError
        waiting.messages.append(message)
        waiting.message_bytes += len(message)

    def put_state(self, message: bytes) -> None:
        """Queue the state of this second; one that still waits is replaced.

        It goes out behind the messages that were queued before and ahead of those that come, since
        it tells the place in the feed up to which all was told.
        """
        self._waiting.state = message
        self._waiting.n_before_state = len(self._waiting.messages)

    def put_vitals(self, subscription: str, values: Mapping[VitalKey, bytes]) -> None:
        """Queue values; an older one of the same key that still waits is replaced.

        Raises
        ------
        TooSlowError : more different keys wait than may
        """
        waiting = self._waiting
        known = waiting.vitals.get(subscription)
        if known is None:
            known = waiting.vitals[subscription] = {}
        before = len(known)
        known.update(values)
        fresh = len(known) - before
        self.counts.vitals_conflated += len(values) - fresh
        waiting.n_vitals += fresh
        if waiting.n_vitals > self._bounds.vitals:
            raise TooSlowError

    def put_block(
        self, subscription: str, block: WaveformBlock, *, slot: int = 0, as_text: bool
    ) -> None:
        """Queue samples; what does not fit is dropped from the oldest and told as a gap.

        Parameters
        ----------
        slot : number of the subscription, with which its handles are made
        """
        waiting = self._waiting
        waiting.blocks.append(_QueuedBlock(subscription, slot, block, as_text))
        waiting.block_bytes += len(block.samples)
        while waiting.block_bytes > self._bounds.waveform_bytes and waiting.blocks:
            dropped = waiting.blocks.popleft()
            waiting.block_bytes -= len(dropped.block.samples)
            self.counts.blocks_dropped += 1
            self.put_gap(
                dropped.subscription,
                dropped.block.header,
                start_us=dropped.block.t0_us,
                end_us=dropped.block.end_us,
            )

    def put_gap(
        self, subscription: str, header: WaveformHeader, *, start_us: int, end_us: int
    ) -> None:
        """Tell that samples of ``[start, end)`` will not come; gaps of one stream are joined."""
        key = (subscription, header.patient, header.device, header.stream)
        gap = self._waiting.gaps.get(key)
        if gap is None:
            self._waiting.gaps[key] = _Gap(start_us, end_us)
        else:
            gap.start_us = min(gap.start_us, start_us)
            gap.end_us = max(gap.end_us, end_us)

    def forget(self, subscription: str) -> None:
        """Drop what waits for a subscription that has ended, and its handles."""
        waiting = self._waiting
        waiting.n_vitals -= len(waiting.vitals.pop(subscription, {}))
        waiting.blocks = deque(b for b in waiting.blocks if b.subscription != subscription)
        waiting.block_bytes = sum(len(queued.block.samples) for queued in waiting.blocks)
        for key in [key for key in waiting.gaps if key[0] == subscription]:
            del waiting.gaps[key]
        for handle in [one for one, place in self._handles.items() if place[0] == subscription]:
            del self._handles[handle]

    def take(self) -> list[bytes | str]:
        """All that waits, as messages in the order in which they are to be sent; empties it.

        Text messages are ``str``, binary ones ``bytes``. Gaps go before the samples behind them.
        """
        waiting, self._waiting = self._waiting, _Waiting()
        out: list[bytes | str] = [message.decode() for message in waiting.messages]
        if waiting.state is not None:
            out.insert(waiting.n_before_state, waiting.state.decode())
        out += [
            orjson.dumps(
                {
                    "id": subscription,
                    "kind": "gap",
                    "patient": patient,
                    "device": device,
                    "stream": stream,
                    "from": to_text(gap.start_us),
                    "to": to_text(gap.end_us),
                }
            ).decode()
            for (subscription, patient, device, stream), gap in waiting.gaps.items()
        ]
        self.counts.gaps_told += len(waiting.gaps)
        out += [
            _vitals_message(subscription, values.values())
            for subscription, values in waiting.vitals.items()
            if values
        ]
        out += self._encode_blocks(waiting.blocks)
        return out

    def _encode_blocks(self, queued_blocks: Iterable[_QueuedBlock]) -> list[bytes | str]:
        texts: list[bytes | str] = []
        framed: list[bytes] = []
        handles = self._handles
        for subscription, slot, block, as_text in queued_blocks:
            if as_text:
                texts.append(_block_text(subscription, block))
                continue
            handle = block.header.number * SLOTS + slot
            if handle in handles:
                framed.append(block.short_form(handle))
            else:
                self._introduce(handle, subscription, block.header)
                first = encode_first_block(block, subscription=subscription, handle=handle)
                framed.append(frame_block(first))
        step = self._bounds.bundle_blocks
        return texts + [bundle(framed[i : i + step]) for i in range(0, len(framed), step)]

    def _introduce(self, handle: int, subscription: str, header: WaveformHeader) -> None:
        # One header of a stream is known at a time: another rate, scale or list of channels makes
        # the one before forgotten, so the table is as small as the number of streams watched.
        place = (subscription, header.patient, header.device, header.stream, header.place)
        for outdated in [one for one, known in self._handles.items() if known == place]:
            del self._handles[outdated]
        self._handles[handle] = place


def _vitals_message(subscription: str, items: Iterable[bytes]) -> str:
    joined = b",".join(items)
    prefix = b'{"id":' + orjson.dumps(subscription) + b',"kind":"vitals","items":['
    return (prefix + joined + b"]}").decode()


def _block_text(subscription: str, block: WaveformBlock) -> str:
    header = block.header
    counts = np.frombuffer(block.samples, dtype="<i2").reshape(-1, len(header.channels)).T
    values = [
        [None if value == MISSING else value for value in channel] for channel in counts.tolist()
    ]
    return orjson.dumps(
        {
            "id": subscription,
            "kind": "waveform",
            "patient": header.patient,
            "device": header.device,
            "stream": header.stream,
            "place": header.place,
            "t0": block.t0_us,
            "hz": short_number(header.hz),
            "channels": header.channels,
            "scale": short_number(header.scale),
            "offset": short_number(header.offset),
            "unit": header.unit,
            "n": block.n,
            "values": values,
        }
    ).decode()
