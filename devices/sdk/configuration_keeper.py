"""The configuration in force, on disk: a device has it after a restart, with no server about."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, final

import msgspec

from devices.sdk.makers_code import Fault, attempt
from shared.contracts.commands import DownDesired

NAME = "configuration"

Configure = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]]
log = logging.getLogger("vitalwire.sdk.configuration")


@final
class ConfigurationKeeper:
    """Applies what is wished, keeps it, and reports what is in force.

    Parameters
    ----------
    folder : of the journal
    configure : applies a configuration as a whole; gives what is in force where that differs
    report : told what ``up/status`` shall report
    """

    def __init__(
        self,
        folder: Path,
        *,
        configure: Configure,
        report: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._path = folder / NAME
        self._configure = configure
        self._report = report
        self._kept = self._read()
        self._wished = self._kept
        self._heard = 0
        self._in_force: int | None = None
        self._failed: int | None = None
        self._work = asyncio.Event()

    def connected(self) -> None:
        """A connection begins: what the broker tells on it counts, even a lower version.

        A server that was restored from a backup begins again below.
        """
        self._heard = 0

    def hear(self, desired: DownDesired) -> None:
        """Take what is wished; an older version than one heard on this connection is late."""
        if desired.version <= self._heard:
            return
        self._heard = desired.version
        if self._wished is None or desired.version != self._wished.version:
            self._wished = desired
            self._work.set()

    async def run(self) -> None:
        """Apply what is kept, then what comes. Cancel-safe: it is applied again at the start."""
        if self._kept is not None:
            await self._apply(self._kept)  # what comes now may be wrong: this was not
        while True:
            wished = self._wished
            if wished is not None and wished.version not in (self._in_force, self._failed):
                await self._apply(wished)
            else:
                await self._work.wait()
                self._work.clear()

    async def _apply(self, wished: DownDesired) -> None:
        told = await attempt(self._configure(wished.configuration), doing="configuration")
        if isinstance(told, Fault):
            self._failed = wished.version  # the same again fails again: wait for another
            self._report({"configuration_error": f"version {wished.version}: {told.text}"})
            return
        in_force = wished.configuration if told is None else dict(told)
        try:
            await asyncio.to_thread(self._keep, wished)
        except OSError as error:  # the broker tells it again after a restart
            log.warning("configuration_not_kept path=%s reason=%s", self._path, error)
        self._in_force = wished.version
        self._report(
            {
                "configuration": in_force,
                "configuration_version": wished.version,
                "configuration_error": None,
            }
        )

    def _read(self) -> DownDesired | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=DownDesired)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError:
            log.warning("configuration_unreadable path=%s", self._path)
            return None  # the broker keeps it and tells it again

    def _keep(self, wished: DownDesired) -> None:
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(wished))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
