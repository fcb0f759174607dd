"""The queue of one client of the live socket. Pure: no socket, no clock.

As long as it is given what others are given too, it only knows how far it is on their path
(`strands`); what does not fit, or ends a subscription, makes it keep all by itself until it takes.
"""

from collections.abc import Callable, Iterable, Mapping

from services.api.live.beats import BeatBlock
from services.api.live.handles import Handles
from services.api.live.strands import Strand, Strands
from services.api.live.waiting import QueueBounds, QueueCounts, TooSlowError, VitalKey, Waiting
from services.api.live.waveform_bytes import WaveformBlock
from services.api.live.websocket_frames import framed


class ClientQueue:
    """Bounded; ``take`` gives what is to be sent now, in order.

    Parameters
    ----------
    strands : shared with the clients of the same bounds to whom the same is given

    Attributes
    ----------
    strand : how far it is on the path of others; None while it keeps all by itself
    """

    def __init__(self, bounds: QueueBounds, strands: Strands | None = None) -> None:
        self._bounds = bounds
        self._strands = strands or Strands()
        self.strand: Strand | None = self._strands.begin
        self._own: Waiting | None = None
        self._handles = Handles()
        self.counts = QueueCounts()

    def __bool__(self) -> bool:
        return bool(self._own) if self.strand is None else not self.strand.is_begin

    @property
    def n_messages(self) -> int:
        """Alarms, events and answers that wait."""
        return (self._apart() if self.strand is None else self.strand).n_messages

    def put_message(self, message: bytes) -> None:
        """Queue an alarm, an event or an answer.

        Raises
        ------
        TooSlowError : it does not fit; it is not queued
        """
        strand, bounds = self.strand, self._bounds
        if strand is None:
            self._apart().put_message(message)
            return
        if (
            strand.n_messages >= bounds.messages
            or strand.message_bytes + len(message) > bounds.message_bytes
        ):
            raise TooSlowError
        self.strand = strand.with_message(message)

    def put_state(self, message: bytes) -> None:
        """Queue the state of this second; one that still waits is replaced."""
        if self.strand is None:
            self._apart().put_state(message)
        else:
            self.strand = self.strand.with_state(message)

    def put_vitals(self, subscription: str, values: Mapping[VitalKey, bytes]) -> None:
        """Queue values; an older one of the same key that still waits is replaced.

        Parameters
        ----------
        values : not changed any more

        Raises
        ------
        TooSlowError : more different keys wait than may
        """
        strand = self.strand
        if strand is not None and strand.n_values + len(values) <= self._bounds.vitals:
            self.strand = strand.with_vitals(subscription, values)
        else:
            self._apart().put_vitals(subscription, values)

    def put_block(
        self, subscription: str, block: WaveformBlock, *, slot: int = 0, as_text: bool
    ) -> None:
        """Queue samples; what does not fit is dropped from the oldest and told as a gap.

        Parameters
        ----------
        slot : number of the subscription, with which its handles are made
        """
        strand, size = self.strand, len(block.samples)
        if strand is not None and strand.block_bytes + size <= self._bounds.waveform_bytes:
            self.strand = strand.with_block(subscription, block, slot, as_text=as_text)
        else:
            self._apart().put_block(subscription, block, slot=slot, as_text=as_text)

    def put_beats(self, subscription: str, block: BeatBlock) -> None:
        """Queue beats; what does not fit is dropped from the oldest and told as a gap."""
        strand = self.strand
        if strand is not None and strand.n_beats + block.n <= self._bounds.beats:
            self.strand = strand.with_beats(subscription, block)
        else:
            self._apart().put_beats(subscription, block)

    def forget(self, subscription: str) -> None:
        """Drop what waits for a subscription that has ended, and its handles."""
        self._apart().forget(subscription)
        self._handles.forget(subscription)

    def take(self) -> list[bytes | str]:
        """All that waits, as messages in the order in which they are to be sent; empties it.

        Text messages are ``str``, binary ones ``bytes``. Gaps go before the samples behind them.
        """
        return self._take()[0]

    def take_framed(self) -> tuple[list[bytes | str], bytes]:
        """The same with its bytes as they go over a WebSocket, which many clients share."""
        messages, data = self._take()
        return messages, framed(messages) if data is None else data

    def _take(self) -> tuple[list[bytes | str], bytes | None]:
        own, self._own = self._own, None
        strand, self.strand = self.strand, self._strands.begin
        if strand is not None:
            if strand.is_begin:
                return [], b""
            shared = strand.encoded(self._bounds)
            if self._handles.has_all(shared.handles):
                self.counts.vitals_conflated += shared.counts.vitals_conflated
                return shared.messages, shared.data
            own = strand.waiting(self._bounds, self.counts)
        assert own is not None, "who is on no path keeps all by itself"
        return own.messages(self._handles), None

    def _apart(self) -> Waiting:
        """Keep what waits by itself, until it is taken."""
        if self._own is None:
            assert self.strand is not None
            self._own = self.strand.waiting(self._bounds, self.counts)
            self.strand = None
        return self._own


def put_to_all(queues: Iterable[ClientQueue], put: Callable[[ClientQueue], None]) -> None:
    """Put the same into many queues. Hot path: once for each that are as far on the same path.

    Parameters
    ----------
    put : puts it into one queue, by a single `put_vitals`, `put_block` or `put_beats`
    """
    steps: dict[Strand, Strand] = {}
    for queue in queues:
        before = queue.strand
        after = None if before is None else steps.get(before)
        if after is not None:
            queue.strand = after
            continue
        put(queue)
        after = queue.strand
        if before is not None and after is not None and after is not before:
            steps[before] = after
