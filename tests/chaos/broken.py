"""Negative controls: a service with one promise broken on purpose, to prove that the check sees it.

``python -m tests.chaos.broken HOW SERVICE`` changes one function of the running process and then
runs the service as it is. Nothing of this exists in shipped code.
"""

import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.gateway.application.outlet import Outlet
from services.storage.application.frames import FrameWork
from services.storage.core.frame_rows import gather
from services.storage.core.known_messages import KnownMessages
from services.storage.core.positions import Advance, StreamMessage
from shared.broker.publisher import Publisher
from shared.contracts.frames import FrameBatch, decode_frames
from shared.contracts.records import Table
from shared.errors import Unavailable


def puback_early() -> None:
    """The gateway acknowledges a message when it comes, before RabbitMQ has it."""
    receive = Outlet.receive

    def receive_and_settle(self: Outlet, packet_ids: Sequence[int]) -> Sequence[int]:
        numbers = receive(self, packet_ids)
        self.settle(numbers)
        return numbers

    Outlet.receive = receive_and_settle  # type: ignore[method-assign] # the control itself


def no_confirm() -> None:
    """The gateway takes what it has handed to RabbitMQ for confirmed."""
    publish_one: Callable[..., Awaitable[None]] = Publisher._publish_one

    async def settle_and_publish(self: Publisher, channel: Any, entry: Any, *, alone: bool) -> None:
        self._settle(entry)
        await publish_one(self, channel, entry, alone=alone)

    Publisher._publish_one = settle_and_publish  # type: ignore[method-assign] # the control


def receipt_before_commit() -> None:
    """Storage says that a batch is stored before it is."""
    commit = FrameWork.commit

    async def tell_and_commit(
        self: FrameWork, messages: Sequence[StreamMessage], advance: Advance
    ) -> None:
        read = [decode_frames(message.body) for message in messages]
        batches = [batch for batch in read if isinstance(batch, FrameBatch)]
        if batches:
            with suppress(Unavailable):  # the control tells early, not surely
                await self._send_receipts(gather(batches), messages, advance)
        await commit(self, messages, advance)

    FrameWork.commit = tell_and_commit  # type: ignore[method-assign] # the control itself


def no_unique_key() -> None:
    """Storage takes every message for new; the test drops the key of the table besides."""

    def all_new(self: KnownMessages, table: Table) -> NDArray[np.bool_]:
        return np.ones(len(table), np.bool_)

    KnownMessages.surely_new = all_new  # type: ignore[method-assign] # the control itself


CONTROLS = {
    control.__name__: control
    for control in (puback_early, no_confirm, receipt_before_commit, no_unique_key)
}


def main() -> int:
    """Break what the first argument says, and run the service that the second names."""
    how, service = sys.argv[1:3]
    CONTROLS[how]()
    sys.argv = [service]
    status: int = import_module(f"services.{service}.__main__").main()
    return status


if __name__ == "__main__":
    sys.exit(main())
