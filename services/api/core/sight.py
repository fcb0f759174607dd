"""What a user sees of patients: who, where they lie, which devices they wear. Made by access."""

from dataclasses import dataclass

from shared.contracts.identity import DeviceKey, PatientKey


@dataclass(frozen=True, slots=True, kw_only=True)
class WardName:
    """A ward as it is called outside."""

    key: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BedName:
    """A bed as it is called outside."""

    key: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WornDevice:
    """A device that is assigned now, since ``since_us``."""

    id: DeviceKey
    device: str
    model: str
    simulated: bool
    since_us: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPatient:
    """A patient whom somebody may see. Only ``services.api.access`` makes one for a request."""

    id: PatientKey
    key: str
    initials: str
    ward: WardName | None
    bed: BedName | None
    devices: tuple[WornDevice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenDevice:
    """A device that somebody may know of. Only ``services.api.access`` makes one for a request.

    ``patient`` wears it now, as far as the user may see.
    """

    id: DeviceKey
    device: str
    model: str
    is_retired: bool
    patient: SeenPatient | None
