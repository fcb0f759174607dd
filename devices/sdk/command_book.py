"""Which commands this device has had and what became of them, on disk: no command runs twice.

One JSON line a fact, appended and written through before the next step: that a command begins,
and how it ended. A command that had begun when the process died has failed: whether it did its
work nobody knows, and it is not done again. A torn last line is cut off.
"""

import os
import threading
from pathlib import Path
from typing import NamedTuple, final

import msgspec

from shared.contracts.commands import Answer

MOST_COMMANDS = 1_000
KEPT_AFTER_US = 86_400_000_000
"""A day: so long the server asks after a command whose end it has not heard."""
INTERRUPTED = "the device was restarted while it ran"
NAME = "commands"


class Ended(NamedTuple):
    """How a command ended; of one that has begun the outcome is `RUNNING`."""

    outcome: Answer
    detail: str
    expires_us: int


class BookFullError(Exception):
    """There are too many commands whose time is not over."""


class _Line(msgspec.Struct, omit_defaults=True):
    command: str
    outcome: Answer
    expires_us: int
    detail: str = ""


_lines = msgspec.json.Decoder(_Line)


@final
class CommandBook:
    """The commands of one device, in a file of its journal's folder.

    Parameters
    ----------
    folder : there already, and locked by the journal
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._known: dict[str, Ended] = {}
        self._lock = threading.Lock()  # writing through waits in a thread
        self._read()
        for command, ended in self._known.items():
            if ended.outcome is Answer.RUNNING:
                self._known[command] = Ended(Answer.FAILED, INTERRUPTED, ended.expires_us)
        self._n_lines = len(self._known)
        self._write_anew()

    def __len__(self) -> int:
        return len(self._known)

    def find(self, command: str) -> Ended | None:
        """What is known of a command; None if it was never begun here."""
        return self._known.get(command)

    def begin(self, command: str, expires_us: int, now_us: int) -> None:
        """Write that a command begins; when this returns it can never begin again.

        Raises
        ------
        BookFullError : too many commands may still come again
        OSError : the disk does not take it; the command must not run
        """
        with self._lock:
            if len(self._known) >= MOST_COMMANDS:
                self._forget(now_us)
            if len(self._known) >= MOST_COMMANDS:
                raise BookFullError(f"{len(self._known)} commands")
            self._append(command, Ended(Answer.RUNNING, "", expires_us))

    def end(self, command: str, outcome: Answer, detail: str, expires_us: int) -> None:
        """Write how a command ended.

        Raises
        ------
        OSError : the disk does not take it; after a restart it has failed
        """
        with self._lock:
            self._append(command, Ended(outcome, detail, expires_us))
            if self._n_lines > 4 * MOST_COMMANDS:
                self._write_anew()

    def _append(self, command: str, ended: Ended) -> None:
        with self._path.open("ab") as file:
            file.write(_line(command, ended))
            file.flush()
            os.fsync(file.fileno())
        self._known[command] = ended
        self._n_lines += 1

    def _forget(self, now_us: int) -> None:
        over_us = now_us - KEPT_AFTER_US
        for command in [one for one, ended in self._known.items() if ended.expires_us < over_us]:
            del self._known[command]
        self._write_anew()

    def _read(self) -> None:
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return
        for line in text.split(b"\n"):
            try:
                told = _lines.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue  # torn by a loss of power: what it told of had not begun
            self._known[told.command] = Ended(told.outcome, told.detail, told.expires_us)

    def _write_anew(self) -> None:
        """Replace the file by one line a command, durable before the old one goes."""
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.writelines(_line(command, ended) for command, ended in self._known.items())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._n_lines = len(self._known)


def _line(command: str, ended: Ended) -> bytes:
    line = _Line(
        command=command, outcome=ended.outcome, expires_us=ended.expires_us, detail=ended.detail
    )
    return b"\n" + msgspec.json.encode(line)
