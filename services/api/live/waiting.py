"""What waits for a client of the live socket, and what becomes of it when the client is slow.

Vitals are conflated to the newest value a key; waveforms and beats are dropped, oldest first, and
the hole is told as a gap; alarms, events and answers are never dropped: when they do not fit, the
client has to come again with its cursor. Pure: no socket, no clock, so that every overflow can be
tested.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import orjson

from services.api.live.beats import STREAM as BEATS
from services.api.live.beats import BeatBlock
from services.api.live.waveform_bytes import (
    MISSING,
    WaveformBlock,
    WaveformHeader,
    block_fields,
    bundle,
    encode_first_block,
    frame_block,
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
    beats: int = 20_000  # as many as 60 patients have in two minutes
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


class _QueuedBeats(NamedTuple):
    subscription: str
    block: BeatBlock


@dataclass(slots=True)
class QueueCounts:
    """What happened to this client's messages so far."""

    vitals_conflated: int = 0
    blocks_dropped: int = 0


class KnownHandles(Protocol):
    """Which headers whoever gets the messages knows."""

    def __contains__(self, handle: int) -> bool: ...

    def introduce(self, handle: int, subscription: str, header: WaveformHeader) -> None:
        """Take note that the header is told."""


class Waiting:
    """Bounded; ``messages`` gives what is to be sent, in order.

    Parameters
    ----------
    counts : what happens here is added to it
    """

    def __init__(self, bounds: QueueBounds, counts: QueueCounts) -> None:
        self._bounds = bounds
        self._counts = counts
        self._messages: deque[bytes] = deque()
        self._message_bytes = 0
        self._vitals: dict[str, dict[VitalKey, bytes]] = {}
        self._n_vitals = 0
        self._blocks: deque[_QueuedBlock] = deque()
        self._block_bytes = 0
        self._beats: deque[_QueuedBeats] = deque()
        self._n_beats = 0
        self._gaps: dict[tuple[str, str, str, str], _Gap] = {}
        self._state: bytes | None = None
        self._n_before_state = 0

    def __bool__(self) -> bool:
        return bool(
            self._messages
            or self._vitals
            or self._blocks
            or self._beats
            or self._gaps
            or self._state is not None
        )

    @property
    def n_messages(self) -> int:
        """Alarms, events and answers that wait."""
        return len(self._messages)

    def put_message(self, message: bytes) -> None:
        """Queue an alarm, an event or an answer.

        Raises
        ------
        TooSlowError : it does not fit; it is not queued
        """
        if (
            len(self._messages) >= self._bounds.messages
            or self._message_bytes + len(message) > self._bounds.message_bytes
        ):
            raise TooSlowError
        self._messages.append(message)
        self._message_bytes += len(message)

    def put_state(self, message: bytes) -> None:
        """Queue the state of this second; one that still waits is replaced.

        It goes out behind the messages that were queued before and ahead of those that come, since
        it tells the place in the feed up to which all was told.
        """
        self._state = message
        self._n_before_state = len(self._messages)

    def put_vitals(self, subscription: str, values: Mapping[VitalKey, bytes]) -> None:
        """Queue values; an older one of the same key that still waits is replaced.

        Raises
        ------
        TooSlowError : more different keys wait than may
        """
        known = self._vitals.get(subscription)
        if known is None:
            known = self._vitals[subscription] = {}
        before = len(known)
        known.update(values)
        fresh = len(known) - before
        self._counts.vitals_conflated += len(values) - fresh
        self._n_vitals += fresh
        if self._n_vitals > self._bounds.vitals:
            raise TooSlowError

    def put_block(
        self, subscription: str, block: WaveformBlock, *, slot: int, as_text: bool
    ) -> None:
        """Queue samples; what does not fit is dropped from the oldest and told as a gap.

        Parameters
        ----------
        slot : number of the subscription, with which its handles are made
        """
        self._blocks.append(_QueuedBlock(subscription, slot, block, as_text))
        self._block_bytes += len(block.samples)
        while self._block_bytes > self._bounds.waveform_bytes and self._blocks:
            dropped = self._blocks.popleft()
            self._block_bytes -= len(dropped.block.samples)
            self._counts.blocks_dropped += 1
            header = dropped.block.header
            key = (dropped.subscription, header.patient, header.device, header.stream)
            self._put_gap(key, dropped.block.t0_us, dropped.block.end_us)

    def put_beats(self, subscription: str, block: BeatBlock) -> None:
        """Queue beats; what does not fit is dropped from the oldest and told as a gap."""
        self._beats.append(_QueuedBeats(subscription, block))
        self._n_beats += block.n
        while self._n_beats > self._bounds.beats and self._beats:
            name, dropped = self._beats.popleft()
            self._n_beats -= dropped.n
            self._counts.blocks_dropped += 1
            key = (name, dropped.patient, dropped.device, BEATS)
            self._put_gap(key, dropped.start_us, dropped.end_us)

    def forget(self, subscription: str) -> None:
        """Drop what waits for a subscription that has ended."""
        self._n_vitals -= len(self._vitals.pop(subscription, {}))
        self._blocks = deque(b for b in self._blocks if b.subscription != subscription)
        self._block_bytes = sum(len(queued.block.samples) for queued in self._blocks)
        self._beats = deque(one for one in self._beats if one.subscription != subscription)
        self._n_beats = sum(queued.block.n for queued in self._beats)
        for key in [key for key in self._gaps if key[0] == subscription]:
            del self._gaps[key]

    def messages(self, handles: KnownHandles) -> list[bytes | str]:
        """All that waits, as messages in the order in which they are to be sent.

        Text messages are ``str``, binary ones ``bytes``. Gaps go before the samples behind them.

        Parameters
        ----------
        handles : those that the client knows; what is introduced is added
        """
        out: list[bytes | str] = [message.decode() for message in self._messages]
        if self._state is not None:
            out.insert(self._n_before_state, self._state.decode())
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
            for (subscription, patient, device, stream), gap in self._gaps.items()
        ]
        out += [
            _items_message(subscription, "vitals", values.values())
            for subscription, values in self._vitals.items()
            if values
        ]
        beats: dict[str, list[bytes]] = {}
        for subscription, block in self._beats:
            beats.setdefault(subscription, []).append(block.items)
        out += [
            _items_message(subscription, "beats", items) for subscription, items in beats.items()
        ]
        out += self._encode_blocks(handles)
        return out

    def _put_gap(self, key: tuple[str, str, str, str], start_us: int, end_us: int) -> None:
        """Tell that what was of this time will not come; gaps of one stream are joined."""
        gap = self._gaps.get(key)
        if gap is None:
            self._gaps[key] = _Gap(start_us, end_us)
        else:
            gap.start_us = min(gap.start_us, start_us)
            gap.end_us = max(gap.end_us, end_us)

    def _encode_blocks(self, handles: KnownHandles) -> list[bytes | str]:
        texts: list[bytes | str] = []
        framed: list[bytes] = []
        for subscription, slot, block, as_text in self._blocks:
            if as_text:
                texts.append(_block_text(subscription, block))
                continue
            handle = handle_of(block, slot)
            if handle in handles:
                framed.append(block.short_form(handle))
            else:
                handles.introduce(handle, subscription, block.header)
                first = encode_first_block(block, subscription=subscription, handle=handle)
                framed.append(frame_block(first))
        step = self._bounds.bundle_blocks
        return texts + [bundle(framed[i : i + step]) for i in range(0, len(framed), step)]


def handle_of(block: WaveformBlock, slot: int) -> int:
    """What stands for the header of a block in a subscription."""
    return block.header.number * SLOTS + slot


def _items_message(subscription: str, kind: str, items: Iterable[bytes]) -> str:
    joined = b",".join(items)
    head = b'{"id":' + orjson.dumps(subscription) + b',"kind":'
    prefix = head + orjson.dumps(kind) + b',"items":['
    return (prefix + joined + b"]}").decode()


def _block_text(subscription: str, block: WaveformBlock) -> str:
    channels = len(block.header.channels)
    counts = np.frombuffer(block.samples, dtype="<i2").reshape(-1, channels).T
    values = [
        [None if value == MISSING else value for value in channel] for channel in counts.tolist()
    ]
    return orjson.dumps(
        {
            "id": subscription,
            "kind": "waveform",
            **block_fields(block),
            "values": values,
        }
    ).decode()
