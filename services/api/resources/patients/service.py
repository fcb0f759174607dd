"""What a user reads of patients: who they are, where they lie, what they wear."""

from collections.abc import Mapping
from datetime import datetime

from services.api.access import Access, Request
from services.api.audit import Action
from services.api.core.cursors import decode_list_cursor, encode_list_cursor
from services.api.core.permissions import Permission
from services.api.core.sight import SeenPatient, WornDevice
from services.api.resources.patients.schemas import (
    DeviceStream,
    Patient,
    PatientBed,
    PatientDevice,
    PatientLimit,
    PatientList,
    PatientWard,
)
from services.api.resources.patients.store import PatientRows, PatientStore
from shared.contracts.device_model import DeviceModel
from shared.contracts.instants import HOUR, MINUTE, to_text
from shared.contracts.measures import MEASURES_BY_KEY
from shared.contracts.streams import STREAMS, STREAMS_BY_KEY, Place, Stream
from shared.database.pool import Row
from shared.runtime.clock import Clock

_RECENT_US = 1 * MINUTE  # a device that sent nothing for so long shows those of its model
_AHEAD_US = 1 * HOUR  # storage admits frames up to one hour ahead
_KNOWN_STREAMS = frozenset(int(stream) for stream in Stream)


class PatientService:
    """Reads patients for a user, each read written down."""

    def __init__(
        self,
        access: Access,
        store: PatientStore,
        clock: Clock,
        models: Mapping[str, DeviceModel],
    ) -> None:
        self._access = access
        self._store = store
        self._clock = clock
        self._models = models

    async def patients(self, request: Request, *, limit: int, cursor: str | None) -> PatientList:
        """A page of the user's patients, in the order of their keys."""
        seen = sorted(
            await self._access.patients(request, Permission.READ_CLINICAL, Action.READ_PATIENTS),
            key=lambda patient: patient.key,
        )
        if cursor:
            (after,) = decode_list_cursor(cursor, 1)
            seen = [patient for patient in seen if patient.key > after]
        page = seen[:limit]
        await self._access.note_read(request, Action.READ_PATIENTS, page)
        return PatientList(
            items=await self._describe(page),
            next=encode_list_cursor(page[-1].key) if len(seen) > limit else None,
        )

    async def patient(self, request: Request, key: str) -> Patient:
        """One patient."""
        seen = await self._access.patient(request, key, Action.READ_PATIENT)
        return (await self._describe([seen]))[0]

    async def _describe(self, patients: list[SeenPatient]) -> list[Patient]:
        if not patients:
            return []
        now_us = self._clock.now_us()
        rows = await self._store.read(
            [patient.id for patient in patients],
            [device.id for patient in patients for device in patient.devices],
            start_us=now_us - _RECENT_US,
            end_us=now_us + _AHEAD_US,
        )
        return [self._patient(patient, rows) for patient in patients]

    def _patient(self, seen: SeenPatient, rows: PatientRows) -> Patient:
        details = rows.details[seen.id]
        return Patient(
            key=seen.key,
            initials=seen.initials,
            name=details["name"],
            birth_date=details["birth_date"],
            sex=details["sex"],
            ward=PatientWard(key=seen.ward.key, name=seen.ward.name) if seen.ward else None,
            bed=PatientBed(key=seen.bed.key, label=seen.bed.label) if seen.bed else None,
            devices=[self._device(device, rows) for device in seen.devices],
            limits=[_limit(row) for row in rows.limits.get(seen.id, [])],
        )

    def _device(self, device: WornDevice, rows: PatientRows) -> PatientDevice:
        presence = rows.presence.get(device.id)
        seen_at: datetime | None = presence["seen_at"] if presence is not None else None
        return PatientDevice(
            device=device.device,
            model=device.model,
            online=bool(presence is not None and presence["online"]),
            streams=self._streams(device, rows.streams.get(device.id, [])),
            simulated=device.simulated,
            battery_percent=presence["battery_percent"] if presence is not None else None,
            last_seen=to_text(round(seen_at.timestamp() * 1e6)) if seen_at is not None else None,
        )

    def _streams(self, device: WornDevice, recent: list[Row]) -> list[DeviceStream]:
        """What the device sent lately, and what its model says that it sends."""
        found = [
            DeviceStream(
                stream=STREAMS[Stream(row["stream"])].key,
                place=Place(row["place"]).name.lower(),
                hz=round(1e9 / row["interval_ns"], 3) if row["interval_ns"] else None,
                channels=row["channels"],
            )
            for row in recent
            if row["stream"] in _KNOWN_STREAMS
        ]
        sent = {stream.stream for stream in found}
        model = self._models.get(device.model)
        declared = model.streams if model is not None else ()
        return found + [
            DeviceStream(
                stream=stream.key,
                place=stream.place,
                hz=stream.rate_hz or None,
                channels=len(stream.channels or STREAMS_BY_KEY[stream.key].channels),
            )
            for stream in declared
            if stream.key not in sent
        ]


def _limit(row: Row) -> PatientLimit:
    return PatientLimit(
        measure=row["measure"],
        low=None if row["low"] is None else round(row["low"], 4),
        high=None if row["high"] is None else round(row["high"], 4),
        unit=MEASURES_BY_KEY[row["measure"]].unit,
        source=row["source"],
    )
