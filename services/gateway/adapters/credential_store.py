"""mosquitto's password file, written from the registry, so that a revoked device is cut off.

A device's user name is its id; its hash is stored as mosquitto takes it. On SIGHUP mosquitto reads
the file again and disconnects everybody whose credential is gone. The record with the
measurements is in ``docs/decisions``.
"""

import asyncio
import contextlib
import os
import re
import signal
from pathlib import Path

import structlog

from services.gateway.metrics import GatewayMetrics
from shared.database.pool import Database
from shared.database.statements import Statements
from shared.errors import Dependency, Misconfigured, Unavailable
from shared.runtime.waiting import wait_or_stop

log = structlog.get_logger()

REFRESH_S = 30.0
"""How soon a change is seen if its notification was lost, and a credential's end at the latest."""
AWAY_S = 1.0
_HASH = re.compile(r"\$[67]\$[A-Za-z0-9+/=$]{20,400}")


class CredentialStore:
    """Writes the file when the registry has changed.

    Parameters
    ----------
    output : the password file; None leaves it to somebody else
    base : lines of service users, put before those of the devices
    pid_file : of mosquitto; None where something else makes it read the file again
    """

    def __init__(
        self,
        database: Database,
        statements: Statements,
        *,
        output: Path | None,
        base: Path | None,
        pid_file: Path | None,
        metrics: GatewayMetrics,
    ) -> None:
        self._database = database
        self._statements = statements
        self._output = output
        self._base = base
        self._pid_file = pid_file
        self._metrics = metrics
        self._changed = asyncio.Event()
        self._signalled: bytes | None = None

    def note_change(self) -> None:
        """Say that the registry has changed."""
        self._changed.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the file as the registry says, until the stop."""
        while not stop.is_set():
            self._changed.clear()
            self._metrics.loop_turns.labels("credentials").inc()
            wait_s = REFRESH_S
            try:
                await self.bring_up_to_date()
            except Unavailable as error:
                self._metrics.loop_errors.labels("credentials").inc()
                log.warning("credentials_unavailable", error=str(error))
                wait_s = AWAY_S
            await self._wait_for_change(stop, wait_s)

    async def bring_up_to_date(self) -> None:
        """Write the file if it differs, and have mosquitto read it.

        Raises
        ------
        Unavailable : PostgreSQL, the file or mosquitto's pid cannot be reached now
        """
        assert self._output is not None, "the loop runs only with a file"
        async with self._database.session() as session:
            rows = await session.fetch(self._statements["load_credentials"])
        lines = []
        for row in rows:
            if _HASH.fullmatch(row["password_hash"]) is None:
                # A broken line would make mosquitto refuse the whole file.
                log.error("credential_unreadable", device=row["device"])
                continue
            lines.append(f"{row['device']}:{row['password_hash']}\n")
        try:
            content = self._base.read_bytes() if self._base is not None else b""
            if content and not content.endswith(b"\n"):
                content += b"\n"
            content += "".join(lines).encode()
            is_same = self._output.exists() and self._output.read_bytes() == content
            if not is_same:
                _write(self._output, content)
                self._metrics.credentials_written.inc()
                log.info("credentials_written", devices=len(lines))
            if not is_same or self._signalled is None:
                self._reload()
                self._signalled = content
        except OSError as error:
            text = f"writing {self._output}: {error.strerror}"
            raise Unavailable(Dependency.DISK, text) from error

    def _reload(self) -> None:
        """Have mosquitto read the file again; one that does not run yet will read it anyway."""
        if self._pid_file is None:
            return
        try:
            text = self._pid_file.read_text("ascii").strip()
        except FileNotFoundError:
            return
        if not text.isdigit() or int(text) < 2:
            raise Misconfigured(f"{self._pid_file} holds no process id")
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(text), signal.SIGHUP)

    async def _wait_for_change(self, stop: asyncio.Event, within_s: float) -> None:
        async with asyncio.TaskGroup() as group:
            changed = group.create_task(_wait(self._changed))
            await wait_or_stop(changed, stop, timeout_s=within_s)
            changed.cancel()


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


def _write(path: Path, content: bytes) -> None:
    """Replace a file whole: a reader sees the old one or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if path.exists():
            stat = path.stat()
            with contextlib.suppress(PermissionError):  # the broker may run as another user
                os.fchown(file.fileno(), stat.st_uid, stat.st_gid)
            os.fchmod(file.fileno(), stat.st_mode & 0o777)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
