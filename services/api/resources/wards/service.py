"""Which wards a user sees, and who of those that lie there."""

from collections.abc import Mapping

from services.api.access import Access, Request
from services.api.audit import Action
from services.api.core.permissions import Permission
from services.api.core.sight import SeenPatient
from services.api.resources.wards.schemas import (
    Bed,
    BedDevice,
    BedPatient,
    WardAnswer,
    WardList,
    WardListItem,
)
from services.api.resources.wards.store import WardStore
from shared.contracts.device_model import DeviceModel
from shared.contracts.instants import HOUR, MINUTE
from shared.contracts.streams import STREAMS
from shared.errors import NotFound
from shared.runtime.clock import Clock

_RECENT_US = 1 * MINUTE  # a device that sent nothing for so long shows those of its model
_AHEAD_US = 1 * HOUR  # storage admits frames up to one hour ahead


class WardService:
    """Wards by the user's teams and by the patients whom the user may see."""

    def __init__(
        self,
        access: Access,
        store: WardStore,
        clock: Clock,
        models: Mapping[str, DeviceModel],
    ) -> None:
        self._access = access
        self._store = store
        self._clock = clock
        self._models = models

    async def wards(self, request: Request) -> WardList:
        """The wards that the user sees, without who lies there."""
        seen = await self._access.patients(request, Permission.READ_CLINICAL, Action.READ_WARD)
        rows = await self._store.wards(sorted(await self._visible(request, seen)))
        return WardList(
            items=[WardListItem(key=row.key, name=row.name, beds=row.beds) for row in rows]
        )

    async def ward(self, request: Request, key: str) -> WardAnswer:
        """One ward with the patients whom the user may see; each of them audited."""
        seen = await self._access.patients(request, Permission.READ_CLINICAL, Action.READ_WARD)
        if key not in await self._visible(request, seen):
            await self._access.refuse(request, Action.READ_WARD, reason="not an own ward")
            raise NotFound(f"ward {key}")
        ward = (await self._store.wards([key]))[0]
        here = {
            patient.bed.key: patient
            for patient in seen
            if patient.ward is not None and patient.ward.key == key and patient.bed is not None
        }
        await self._access.note_read(request, Action.READ_WARD, here.values())
        details = await self._store.details([patient.id for patient in here.values()])
        now_us = self._clock.now_us()
        streams = await self._store.recent_streams(
            [device.id for patient in here.values() for device in patient.devices],
            start_us=now_us - _RECENT_US,
            end_us=now_us + _AHEAD_US,
        )
        beds = []
        for bed_key, label in await self._store.beds(key):
            patient = here.get(bed_key)
            shown = None
            if patient is not None:
                born = details[patient.id]["birth_date"]
                shown = BedPatient(
                    key=patient.key,
                    initials=patient.initials,
                    birth_year=born.year if born is not None else None,
                    sex=details[patient.id]["sex"],
                    devices=self._devices(patient, streams),
                )
            beds.append(Bed(key=bed_key, label=label, patient=shown))
        simulated = any(device.simulated for patient in here.values() for device in patient.devices)
        return WardAnswer(key=ward.key, name=ward.name, simulated=simulated, beds=beds)

    async def _visible(self, request: Request, seen: tuple[SeenPatient, ...]) -> set[str]:
        own = {ward.key for ward in await self._access.own_wards(request.principal.user_id)}
        return own | {patient.ward.key for patient in seen if patient.ward is not None}

    def _devices(self, patient: SeenPatient, recent: dict[int, set[int]]) -> list[BedDevice]:
        shown = []
        for device in patient.devices:
            model = self._models.get(device.model)
            declared = {stream.key for stream in model.streams} if model is not None else set()
            shown.append(
                BedDevice(
                    device=device.device,
                    model=device.model,
                    streams=[
                        row.key
                        for number, row in STREAMS.items()
                        if row.key in declared or int(number) in recent.get(device.id, set())
                    ],
                    simulated=device.simulated,
                )
            )
        return shown
