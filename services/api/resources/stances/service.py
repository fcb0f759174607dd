"""How sensors sit on their wearers: told by people, read from samples by the signal processing."""

import math
from collections.abc import Mapping, Sequence

from services.api.access import Access, Request
from services.api.audit import Action
from services.api.core.permissions import Permission
from services.api.resources.stances.schemas import Stance, State
from services.api.resources.stances.store import StanceStore
from shared.contracts.device_model import DeviceModel
from shared.contracts.instants import to_text
from shared.contracts.streams import STREAMS, Place, Stream
from shared.database.pool import Row
from shared.errors import Conflict, Invalid

STARTS_AFTER_S = 15.0  # by then all replicas of the signal processing know of it
_NEEDED = {Place.CHEST.name.lower(), Place.THIGH.name.lower()}


class StanceService:
    """Stances for a user."""

    def __init__(
        self, access: Access, store: StanceStore, models: Mapping[str, DeviceModel]
    ) -> None:
        self._access = access
        self._store = store
        self._models = models

    async def tell(self, request: Request, name: str) -> Stance:
        """Keep that the wearer has stood upright and still until now.

        Raises
        ------
        Denied, NotFound : the user may not command this device
        Invalid : its model tells no posture
        Conflict : nobody wears it
        """
        device = await self._access.device(
            request, name, Action.TELL_STANCE, Permission.COMMAND_DEVICES
        )
        if not _tells_postures(self._models.get(device.model)):
            raise Invalid("This model has no accelerometers at chest and thigh.")
        if not await self._store.add(device, by=request.principal.username):
            raise Conflict("Nobody wears the device.")
        return _shown(device.device, await self._store.newest(device))

    async def take_back(self, request: Request, name: str) -> Stance:
        """What was told of the wearer holds no longer; without anything told nothing changes.

        Raises
        ------
        Denied, NotFound : the user may not command this device
        """
        device = await self._access.device(
            request, name, Action.TAKE_BACK_STANCE, Permission.COMMAND_DEVICES
        )
        await self._store.take_back(device, after_s=STARTS_AFTER_S, by=request.principal.username)
        return _shown(device.device, await self._store.newest(device))

    async def stance(self, request: Request, name: str) -> Stance:
        """The newest stance of a device.

        Raises
        ------
        Denied, NotFound : the user may not know of this device
        """
        device = await self._access.device(request, name, Action.READ_STANCE)
        return _shown(device.device, await self._store.newest(device))


def _tells_postures(model: DeviceModel | None) -> bool:
    key = STREAMS[Stream.ACCELEROMETER].key
    places = {stream.place for stream in model.streams if stream.key == key} if model else set()
    return places >= _NEEDED


def _shown(device: str, row: Row | None) -> Stance:
    if row is None:
        return Stance(
            device=device, told_at=None, told_by=None, state="untold", reason=None,
            used_from=None, used_to=None, taken_back_by=None, chest_deg=None, thigh_deg=None,
        )  # fmt: skip
    return Stance(
        device=device,
        told_at=to_text(row["at_us"]),
        told_by=row["told_by"],
        state=_state(row),
        reason=row["refusal"],
        used_from=None if row["chest"] is None else to_text(row["from_us"]),
        used_to=None if row["until_us"] is None else to_text(row["until_us"]),
        taken_back_by=row["taken_back_by"],
        chest_deg=_tilt_deg(row["chest"]),
        thigh_deg=_tilt_deg(row["thigh"]),
    )


def _state(row: Row) -> State:
    if row["ended"]:
        return "ended"
    if row["until_us"] is not None:
        return "ending" if row["until_us"] > row["now_us"] else "taken_back"
    if row["refusal"] is not None:
        return "refused"
    if row["from_us"] is None:
        return "reading"
    return "starting" if row["from_us"] > row["now_us"] else "in_use"


def _tilt_deg(up: Sequence[float] | None) -> float | None:
    if up is None:
        return None
    return round(math.degrees(math.acos(max(-1.0, min(1.0, up[0])))), 1)
