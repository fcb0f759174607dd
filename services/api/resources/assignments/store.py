"""Assignments and codes in PostgreSQL."""

from collections.abc import Callable
from enum import Enum, auto

from services.api.core.sight import SeenDevice, SeenPatient
from shared.contracts.identity import DeviceKey
from shared.database.pool import Database, Row
from shared.database.statements import Statements

FAILURES_MOST = 5


class Claimed(Enum):
    """Why a claim did not succeed. Told to the audit trail only."""

    NO_DEVICE = auto()
    NO_CODE = auto()
    WRONG_CODE = auto()
    WORN = auto()


class AssignmentStore:
    """Reads and writes who wears what."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def find_device(self, name: str) -> Row | None:
        """A device by its name, with its wearer."""
        async with self._database.session() as session:
            return await session.fetch_one(self._statements["find_device"], name)

    async def assign(
        self, device: DeviceKey, patient: SeenPatient, by: str
    ) -> tuple[Row, list[Row]]:
        """Put a device on a patient; gives the units behind it that followed, too.

        Raises
        ------
        Conflict : somebody wears it
        """
        async with self._database.transaction() as session:
            await session.fetch(self._statements["lock_device"], device)
            await session.fetch(self._statements["lock_units"], device)
            row = await session.fetch_one(self._statements["assign"], device, patient.id, by)
            units = await session.fetch(self._statements["assign_units"], device, patient.id, by)
        assert row is not None, "an insert gives its row"
        return row, units

    async def release(
        self, device: DeviceKey, patient: SeenPatient
    ) -> tuple[Row | None, list[Row]]:
        """Take a device and the units behind it off a patient; None if it is not worn."""
        async with self._database.transaction() as session:
            await session.fetch(self._statements["lock_device"], device)
            await session.fetch(self._statements["lock_units"], device)
            row = await session.fetch_one(self._statements["release"], device, patient.id)
            if row is None:
                return None, []
            return row, await session.fetch(self._statements["release_units"], device, patient.id)

    async def assignments(
        self, patient: SeenPatient, *, before: int | None, limit: int
    ) -> list[Row]:
        """The assignments of a patient, the newest first."""
        async with self._database.session() as session:
            return await session.fetch(self._statements["assignments"], patient.id, before, limit)

    async def put_claim_code(
        self, device: SeenDevice, *, salt: bytes, code_hash: bytes, expires_s: int, by: str
    ) -> Row:
        """Keep the hash of a code for a device."""
        async with self._database.session() as session:
            row = await session.fetch_one(
                self._statements["put_claim_code"], device.id, salt, code_hash, expires_s, by
            )
        assert row is not None, "an insert gives its row"
        return row

    async def claim(
        self,
        name: str,
        patient: SeenPatient,
        by: str,
        *,
        is_right: Callable[[bytes | None, bytes | None], bool],
    ) -> tuple[Row, tuple[Row, list[Row]]] | tuple[Row | None, Claimed]:
        """Put a device on a patient if the code is right; gives the device and what came of it.

        ``is_right`` sees salt and hash, or None for both; it takes as long in either case. The
        code is used up by the same transaction, a wrong one counted.
        """
        statements = self._statements
        async with self._database.transaction() as session:
            device = await session.fetch_one(statements["find_device"], name)
            if device is not None:
                await session.fetch(statements["lock_device"], device["id"])
                device = await session.fetch_one(statements["find_device"], name)
            has_code = device is not None and device["is_claimable"]
            right = is_right(
                device["salt"] if device is not None and has_code else None,
                device["code_hash"] if device is not None and has_code else None,
            )
            if device is None or device["retired_at"] is not None:
                return None, Claimed.NO_DEVICE
            if not has_code:
                return device, Claimed.NO_CODE
            if not right:
                failures = await session.fetch_value(statements["count_failure"], device["id"])
                if failures >= FAILURES_MOST:
                    await session.execute(statements["end_claim_code"], device["id"])
                return device, Claimed.WRONG_CODE
            if device["patient_id"] is not None:
                return device, Claimed.WORN
            await session.execute(statements["end_claim_code"], device["id"])
            await session.fetch(statements["lock_units"], device["id"])
            row = await session.fetch_one(statements["assign"], device["id"], patient.id, by)
            units = await session.fetch(statements["assign_units"], device["id"], patient.id, by)
        assert row is not None, "an insert gives its row"
        return device, (row, units)
