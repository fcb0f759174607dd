"""What waits for many clients that were given the same, kept and encoded once for all of them.

A strand is the last step of a path: what was given since the path began, step by step. Clients
that are given the same one after the other walk the same path, so that hundreds of pages of one
ward cost one encoding, not one each. Who is given something of its own goes a way of its own from
there until it takes. Pure.

Hot path: a look into a table for each client and step.
"""

from collections.abc import Hashable, Mapping
from typing import NamedTuple

from services.api.live.beats import BeatBlock
from services.api.live.waiting import QueueBounds, QueueCounts, VitalKey, Waiting
from services.api.live.waveform_bytes import WaveformBlock, WaveformHeader
from services.api.live.websocket_frames import framed


class Encoded(NamedTuple):
    """Messages, and their bytes as a server's WebSocket sends them.

    Parameters
    ----------
    handles : that the client must know to understand them
    """

    messages: list[bytes | str]
    data: bytes
    handles: frozenset[int]
    counts: QueueCounts


class _Step(NamedTuple):
    """One thing that was given: what is not None of message, state, values, block and beats."""

    message: bytes | None = None
    state: bytes | None = None
    subscription: str = ""
    values: Mapping[VitalKey, bytes] | None = None
    block: WaveformBlock | None = None
    beats: BeatBlock | None = None
    slot: int = 0
    as_text: bool = False


_Path = tuple["_Path", _Step] | tuple[()]
"""All steps, the last one outermost. No strand knows the one before: they would never be freed."""


class Strand:
    """How far a path was walked.

    Parameters
    ----------
    before : the strand that this one follows; None where the path begins
    """

    __slots__ = (
        "_encoded",
        "_next",
        "block_bytes",
        "message_bytes",
        "n_beats",
        "n_messages",
        "n_values",
        "path",
    )

    def __init__(self, before: "Strand | None" = None, step: _Step | None = None) -> None:
        self._next: dict[Hashable, Strand] = {}
        self._encoded: Encoded | None = None
        self.path: _Path = ()
        self.n_messages = self.message_bytes = self.n_values = self.block_bytes = self.n_beats = 0
        if before is not None and step is not None:
            self.path = (before.path, step)
            self.n_messages = before.n_messages
            self.message_bytes = before.message_bytes
            self.n_values = before.n_values
            self.block_bytes = before.block_bytes
            self.n_beats = before.n_beats

    @property
    def is_begin(self) -> bool:
        """Whether nothing was given yet."""
        return not self.path

    # The keys tell objects apart by their ids: the step holds the object, so no other gets its id.

    def with_message(self, message: bytes) -> "Strand":
        """After an alarm, an event or an answer too."""
        found = self._next.get(id(message))
        if found is None:
            found = self._next[id(message)] = Strand(self, _Step(message=message))
            found.n_messages += 1
            found.message_bytes += len(message)
        return found

    def with_state(self, state: bytes) -> "Strand":
        """After a state too."""
        key = ("state", id(state))
        found = self._next.get(key)
        if found is None:
            found = self._next[key] = Strand(self, _Step(state=state))
        return found

    def with_vitals(self, subscription: str, values: Mapping[VitalKey, bytes]) -> "Strand":
        """After values too; they must not be changed any more."""
        key = (id(values), subscription)
        found = self._next.get(key)
        if found is None:
            step = _Step(subscription=subscription, values=values)
            found = self._next[key] = Strand(self, step)
            found.n_values += len(values)
        return found

    def with_block(
        self, subscription: str, block: WaveformBlock, slot: int, *, as_text: bool
    ) -> "Strand":
        """After samples too."""
        key = (id(block), subscription, slot, as_text)
        found = self._next.get(key)
        if found is None:
            step = _Step(subscription=subscription, block=block, slot=slot, as_text=as_text)
            found = self._next[key] = Strand(self, step)
            found.block_bytes += len(block.samples)
        return found

    def with_beats(self, subscription: str, block: BeatBlock) -> "Strand":
        """After beats too."""
        key = (id(block), subscription)
        found = self._next.get(key)
        if found is None:
            step = _Step(subscription=subscription, beats=block)
            found = self._next[key] = Strand(self, step)
            found.n_beats += block.n
        return found

    def waiting(self, bounds: QueueBounds, counts: QueueCounts) -> Waiting:
        """All that was given, as it waits for one client alone.

        Raises
        ------
        TooSlowError : it does not fit
        """
        steps: list[_Step] = []
        path = self.path
        while path:
            path, step = path
            steps.append(step)
        waiting = Waiting(bounds, counts)
        for step in reversed(steps):
            if step.message is not None:
                waiting.put_message(step.message)
            elif step.state is not None:
                waiting.put_state(step.state)
            elif step.values is not None:
                waiting.put_vitals(step.subscription, step.values)
            elif step.beats is not None:
                waiting.put_beats(step.subscription, step.beats)
            elif step.block is not None:
                waiting.put_block(
                    step.subscription, step.block, slot=step.slot, as_text=step.as_text
                )
        return waiting

    def encoded(self, bounds: QueueBounds) -> Encoded:
        """What is sent to who knows all handles; made once."""
        if self._encoded is None:
            counts, handles = QueueCounts(), _AllKnown()
            messages = self.waiting(bounds, counts).messages(handles)
            self._encoded = Encoded(messages, framed(messages), frozenset(handles.used), counts)
        return self._encoded


class Strands:
    """Where the paths begin."""

    def __init__(self) -> None:
        self.begin = Strand()

    def renew(self) -> None:
        """Have new paths begin: those that nobody walks any more are forgotten."""
        self.begin = Strand()


class _AllKnown:
    """A client that knows every handle; remembers which were asked for."""

    def __init__(self) -> None:
        self.used: set[int] = set()

    def __contains__(self, handle: int) -> bool:
        self.used.add(handle)
        return True

    def introduce(self, handle: int, subscription: str, header: WaveformHeader) -> None:
        """Nothing is ever introduced."""
        raise AssertionError(handle, subscription, header)
