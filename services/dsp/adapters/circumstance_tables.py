"""``registry.place_map`` and beside it: maps of places, whose channels they name and how sensors
sit, looked at now and then. A map never changes: each is read once.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog

from services.dsp.adapters.stance_table import StanceTable
from services.dsp.core.circumstances import Circumstances
from services.dsp.core.position.fingerprints import FingerprintMap, fingerprint_map
from services.dsp.core.position.places import FloorMap, PlaceMaps
from services.dsp.core.wearers import FOR_EVER_US
from shared.database.pool import Database, Row, Session
from shared.database.statements import Statements
from shared.errors import Unavailable
from shared.runtime.waiting import pause

log = structlog.get_logger()

Measured = tuple[tuple[str, ...], FingerprintMap]


@dataclass(slots=True)
class CircumstanceTables:
    """Gives `Circumstances`. While PostgreSQL is away it knows what it knew.

    Parameters
    ----------
    channels : by model, the access point of each channel of its scans
    stances : how sensors sit, looked at together with the maps
    """

    database: Database
    statements: Statements
    interval_s: float
    channels: Mapping[str, tuple[str, ...]]
    stances: StanceTable
    _known: Circumstances = field(default_factory=Circumstances)
    _uses: Sequence[tuple[int, int, int]] = ()
    _maps: dict[int, Measured | None] = field(default_factory=dict)
    _devices: dict[int, tuple[str, ...]] = field(default_factory=dict)
    _newest_device: int = 0

    def circumstances(self) -> Circumstances:
        """What was known at the last look."""
        return self._known

    async def run(self, stop: asyncio.Event) -> None:
        """Look again and again until the stop. Cancel-safe: holds nothing."""
        while not await pause(stop, self.interval_s):
            try:
                await self.refresh()
            except Unavailable as error:
                log.warning("circumstances_not_read", error=str(error))

    async def refresh(self) -> None:
        """Read what is new."""
        async with self.database.session() as session:
            rows = await session.fetch(self.statements["place_uses"])
            uses = [_use(row) for row in rows]
            devices = await session.fetch(
                self.statements["devices_of_models"], list(self.channels), self._newest_device
            )
            wanted = {number for number, *_ in uses}
            self._maps = {number: known for number, known in self._maps.items() if number in wanted}
            for number in sorted(wanted - set(self._maps)):
                self._maps[number] = await self._read(session, number)
        are_new = await self.stances.refresh()
        if not devices and uses == self._uses and not are_new:
            return
        for row in devices:
            self._devices[row["id"]] = self.channels[row["model"]]
            self._newest_device = row["id"]
        if uses != self._uses:
            log.info("places_changed", maps=sorted(wanted))
        self._uses = uses
        self._known = Circumstances(
            maps=PlaceMaps(list(self._held()), dict(self._devices)),
            stances=self.stances.stances(),
        )

    def _held(self) -> list[FloorMap]:
        held = []
        for number, from_us, until_us in self._uses:
            measured = self._maps[number]
            if measured is not None:
                held.append(FloorMap(number, from_us, until_us, *measured))
        return held

    async def _read(self, session: Session, number: int) -> Measured | None:
        """One map; None when it was removed, or cannot be read: then nobody is placed by it."""
        row = await session.fetch_one(self.statements["place_map"], number)
        rooms = await session.fetch(self.statements["place_rooms"], number)
        if row is None or row["points"] is None:
            return None
        try:
            numbers = [room["id"] for room in rooms]
            places = await asyncio.to_thread(_measured, row["points"], numbers)
        except (ValueError, TypeError, IndexError):
            log.exception("map_not_read", map=number)
            return None
        return tuple(row["access_points"]), places


def _use(row: Row) -> tuple[int, int, int]:
    until_us = FOR_EVER_US if row["until_us"] is None else row["until_us"]
    return row["map_id"], row["from_us"], until_us


def _measured(points: Sequence[Any], rooms: Sequence[int]) -> FingerprintMap:
    x, y, room, heading, dbm = zip(*points, strict=True)
    return fingerprint_map(
        np.array(dbm, dtype=np.float64),
        np.array([x, y], dtype=np.float64).T,
        np.array([rooms[place] for place in room], dtype=np.int64),
        np.array(heading, dtype=np.float64),
    )
