"""Commands as they come: each runs at most once, never late, and questions are answered.

Commands run one after the other in a task of their own, so that a long one does not hold up data
or questions.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import final

from devices.sdk.command_book import BookFullError, CommandBook
from devices.sdk.happened import Command, CommandAnswer
from devices.sdk.makers_code import Fault, attempt
from shared.contracts.commands import Answer, CommandOutcome, DownCommand

MOST_WAITING = 100

CommandHandler = Callable[[Command], Awaitable[CommandAnswer]]
log = logging.getLogger("vitalwire.sdk.commands")


@final
class CommandDesk:
    """The commands of one device.

    Parameters
    ----------
    folder : of the journal
    handler : runs a command; None where the listener is told and answers by itself
    tell : the listener
    send : sends a result if there is a connection; if not, the server asks for it
    """

    def __init__(
        self,
        folder: Path,
        *,
        handler: CommandHandler | None,
        tell: Callable[[Command], None],
        send: Callable[[str, str, str], bool],
    ) -> None:
        self._book = CommandBook(folder)
        self._handler = handler
        self._tell = tell
        self._send = send
        self._waiting: dict[str, DownCommand] = {}
        self._work = asyncio.Event()
        self._server_us: int | None = None  # server's time less our monotonic one

    def set_time(self, utc_us: int) -> None:
        """Take the server's time. It was sent a moment ago: the latest it can be is the best."""
        offset_us = utc_us - _monotonic_us()
        if self._server_us is None or offset_us > self._server_us:
            self._server_us = offset_us

    def hear(self, command: DownCommand) -> None:
        """Take a command or a question."""
        known = self._book.find(command.command)
        if known is not None:
            if known.outcome is not Answer.RUNNING or command.ask:
                self._send(command.command, known.outcome.value, known.detail)
        elif command.command in self._waiting:
            if command.ask:
                self._send(command.command, Answer.RUNNING.value, "")
        elif command.ask:
            self._send(command.command, Answer.UNSEEN.value, "")
        elif self._is_late(command):
            self._send(command.command, Answer.EXPIRED.value, "")
        elif len(self._waiting) >= MOST_WAITING:
            self._send(command.command, Answer.REFUSED.value, "too many commands wait")
        else:
            self._waiting[command.command] = command
            self._work.set()

    def answer(self, command: str, outcome: CommandOutcome, detail: str) -> bool:
        """End a command that the listener was told of; False if there is no connection now."""
        known = self._book.find(command)
        if known is not None and known.outcome is Answer.RUNNING:
            self._book.end(command, Answer(outcome.value), detail, known.expires_us)
        return self._send(command, outcome.value, detail)

    async def run(self) -> None:
        """Run what comes, one after the other. Cancel-safe: what had begun has then failed."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._waiting:
                command = next(iter(self._waiting.values()))
                try:
                    await self._run_one(command)
                finally:
                    self._waiting.pop(command.command, None)

    async def _run_one(self, command: DownCommand) -> None:
        try:
            if self._is_late(command):
                self._send(command.command, Answer.EXPIRED.value, "")
                return
            now_us = self._now_us()
            await asyncio.to_thread(self._book.begin, command.command, command.expires, now_us)
        except (BookFullError, OSError) as error:
            log.warning("command_not_begun command=%s reason=%s", command.command, error)
            self._send(command.command, Answer.REFUSED.value, "it could not be written down")
            return
        if self._is_late(command):  # a slow disk
            await self._end(command, Answer.EXPIRED, "")
            return
        asked = Command(command.command, command.name, command.args, command.expires)
        if self._handler is None:
            self._tell(asked)
            return
        told = await attempt(self._handler(asked), doing=command.name)
        if isinstance(told, Fault):
            await self._end(command, Answer.FAILED, told.text)
        else:
            outcome, detail = _outcome(told)
            await self._end(command, Answer(outcome.value), detail)

    async def _end(self, command: DownCommand, outcome: Answer, detail: str) -> None:
        try:
            await asyncio.to_thread(
                self._book.end, command.command, outcome, detail, command.expires
            )
        except OSError as error:  # it is not forgotten that it began: it never runs again
            log.warning("command_end_not_kept command=%s reason=%s", command.command, error)
        self._send(command.command, outcome.value, detail)

    def _is_late(self, command: DownCommand) -> bool:
        return self._now_us() >= command.expires

    def _now_us(self) -> int:
        """UTC by the server; by the machine before the server has told it."""
        if self._server_us is None:
            return time.time_ns() // 1000  # noqa: TID251 - the SDK has no clock of the server side
        return _monotonic_us() + self._server_us


def _outcome(told: CommandAnswer) -> tuple[CommandOutcome, str]:
    if told is None:
        return CommandOutcome.DONE, ""
    return (told, "") if isinstance(told, CommandOutcome) else told


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1000  # noqa: TID251 - the SDK has no clock of the server side
