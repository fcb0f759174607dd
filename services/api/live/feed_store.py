"""What a live subscription needs of the past, from PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from services.api.core.cursors import FeedCursor
from services.api.core.sight import SeenPatient
from services.api.live.items import FeedItem, VitalItem, VitalRow, event_identity, vital_item
from services.api.live.watching import order_of
from shared.contracts.events import Event
from shared.contracts.identity import PatientKey
from shared.database.pool import Database, Row
from shared.database.statements import Statements


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """How many lanes there are, and which incarnation of the streams."""

    lanes: int
    incarnation: int


class FeedStore:
    """Reads newest values, missed events and the deployment."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def deployment(self) -> Deployment:
        """Lanes and incarnation now."""
        async with self._database.session() as session:
            row = await session.fetch_one(self._statements["deployment"])
        assert row is not None, "the migration writes this row"
        return Deployment(lanes=row["lanes"], incarnation=row["incarnation"])

    async def newest_values(
        self, patients: Sequence[SeenPatient], *, start_us: int, end_us: int
    ) -> dict[PatientKey, list[VitalItem]]:
        """The newest value of each device, measure and method of these patients."""
        keys: dict[int, str] = {patient.id: patient.key for patient in patients}
        devices: dict[int, tuple[str, int]] = {
            device.id: (device.device, order_of(device.id, patient))
            for patient in patients
            for device in patient.devices
        }
        async with self._database.session() as session:
            rows = await session.fetch(
                self._statements["newest_values"], list(keys), start_us, end_us
            )
        found: dict[PatientKey, list[VitalItem]] = {patient.id: [] for patient in patients}
        for row in rows:
            name, order = devices.get(row["device_id"], (None, 0))
            item = vital_item(
                _vital_row(row), patient=keys[row["patient_id"]], device=name, order=order
            )
            if item is not None:
                found[PatientKey(row["patient_id"])].append(item)
        return found

    async def newest_place(self) -> FeedCursor | None:
        """Up to where the events stream is stored."""
        async with self._database.session() as session:
            row = await session.fetch_one(self._statements["newest_place"])
        return None if row is None else FeedCursor(row["incarnation"], row["last_offset"])

    async def newest_identities(self, place: FeedCursor, *, most: int) -> list[str]:
        """Identities of the newest stored events up to a place of its incarnation, oldest first."""
        async with self._database.session() as session:
            rows = await session.fetch(
                self._statements["newest_identities"], place.incarnation, place.offset, most
            )
        return [event_identity(row["device_id"], row["id"]) for row in reversed(rows)]

    async def events_after(
        self, since: FeedCursor, patients: Sequence[SeenPatient], *, up_to: FeedCursor, most: int
    ) -> list[FeedItem]:
        """Stored events of these patients and their devices in ``(since, up_to]``, in order."""
        async with self._database.session() as session:
            rows = await session.fetch(
                self._statements["events_after"],
                since.incarnation,
                since.offset,
                [patient.id for patient in patients],
                [device.id for patient in patients for device in patient.devices],
                most,
                up_to.incarnation,
                up_to.offset,
            )
        items = (_feed_item(row) for row in rows)
        return [item for item in items if item is not None]


def _vital_row(row: Row) -> VitalRow:
    return VitalRow(
        t=row["t"],
        value=row["value"],
        quality=row["quality"],
        measure=row["measure"],
        revision=row["revision"],
        validity=row["validity"],
        method=row["method"],
        flags=row["flags"],
    )


def _feed_item(row: Row) -> FeedItem | None:
    try:
        event = msgspec.convert(
            {
                "id": row["id"],
                "t": row["t"],
                "kind": row["kind"],
                "severity": row["severity"],
                "source": row["source"],
                "text_key": row["text_key"],
                "device": row["device_id"] or None,
                "patient": row["patient_id"] or None,
                "data": row["data"],
            },
            Event,
        )
    except msgspec.ValidationError:
        return None  # of a later version: the page of that version will ask for it
    return FeedItem(cursor=FeedCursor(row["incarnation"], row["stream_offset"]), event=event)
