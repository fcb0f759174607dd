"""Schema `registry`: who is watched, by which limits; and the deployment."""

from collections.abc import Mapping

from services.alarms.core.inputs import Registry
from services.alarms.core.limits import Override
from services.alarms.core.ward import Registered
from shared.contracts.device_model import DeviceModel
from shared.database.pool import Database, Row
from shared.database.statements import Statements


class RegistryRows:
    """Reads the rows that alarms may see; writes nothing."""

    def __init__(
        self,
        database: Database,
        statements: Statements,
        models: Mapping[str, DeviceModel],
    ) -> None:
        self._database = database
        self._statements = statements
        self._unawaited = {name for name, model in models.items() if not model.continuous}
        self._known: dict[int, tuple[Row, Registered]] = {}

    async def read(self) -> Registry:
        """All patients that have a device now."""
        async with self._database.session() as session:
            patients = await session.fetch(self._statements["registered_patients"])
            rows = await session.fetch(self._statements["limit_overrides"])
        site: list[Override] = []
        by_ward: dict[int, list[Override]] = {}
        by_patient: dict[int, list[Override]] = {}
        for row in rows:
            override_row = Override(
                measure=row["measure"],
                low=row["low"],
                high=row["high"],
                enabled=row["enabled"],
                patient=row["patient_id"],
                ward=row["ward_id"],
                delay_s=row["delay_s"],
                priority=row["priority"],
            )
            if row["patient_id"] is not None:
                by_patient.setdefault(row["patient_id"], []).append(override_row)
            elif row["ward_id"] is not None:
                by_ward.setdefault(row["ward_id"], []).append(override_row)
            else:
                site.append(override_row)
        before, self._known = self._known, {}
        for row in patients:
            patient = row["patient_id"]
            overrides = (
                *site,
                *by_ward.get(row["ward_id"], ()),
                *by_patient.get(patient, ()),
            )
            known = before.get(patient)
            if known is None or known[0] != row or known[1].overrides != overrides:
                known = row, self._registered(row, overrides)
            self._known[patient] = known
        return {patient: registered for patient, (_, registered) in self._known.items()}

    def _registered(self, row: Row, overrides: tuple[Override, ...]) -> Registered:
        """What a row says. Nearly all rows say the same at each look, and are the same object."""
        return Registered(
            devices=dict(zip(row["devices"], row["since_us"], strict=True)),
            birth=None if row["birth_date"] is None else row["birth_date"].isoformat(),
            overrides=overrides,
            unawaited=frozenset(
                device
                for device, model in zip(row["devices"], row["models"], strict=True)
                if model in self._unawaited
            ),
        )
