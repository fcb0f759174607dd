"""Who is online: what ``up/status`` says, and what of it is news."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, TypeGuard

import msgspec

from shared.contracts.decoding import Refused
from shared.contracts.events import Event, EventKind, Severity, event_id
from shared.contracts.identity import MAX_UINT32, DeviceKey
from shared.contracts.parking import Reason

LARGEST_STATUS_BYTES = 16_384
BATTERY_LOW_PERCENT = 15.0
SILENT = "silent"
"""Why a device counts as offline that was never said to be: nothing came of it for too long."""

Boot = Annotated[int, msgspec.Meta(ge=0, le=MAX_UINT32)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Status(msgspec.Struct, kw_only=True):
    """The payload of ``up/status``. A last will holds the time at which it was left behind."""

    online: bool
    boot: Boot | str | None = None
    t: Int64 | None = None
    firmware: str | None = None
    battery: float | None = None
    rssi: float | None = None
    buffered: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] | None = None
    reported: dict[str, Any] = {}


class Presence(NamedTuple):
    """The newest status of a device, as its row keeps it. Times in us UTC but ``t_us``."""

    online: bool
    boot: int | None
    t_us: int | None
    changed_us: int
    seen_us: int
    firmware: str | None
    battery_percent: float | None
    rssi_dbm: float | None
    buffered: int | None
    reported: dict[str, Any]


_statuses = msgspec.json.Decoder(Status)


def read_status(payload: bytes) -> Status | Refused:
    """Give the status in ``payload``."""
    if len(payload) > LARGEST_STATUS_BYTES:
        return Refused(Reason.TOO_LARGE, f"{len(payload)} bytes of status")
    try:
        return _statuses.decode(payload)
    except msgspec.ValidationError as error:
        return Refused(Reason.WRONG_TYPE, str(error)[:200])
    except RecursionError:
        return Refused(Reason.TOO_DEEP, "status")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Refused(Reason.MALFORMED, str(error)[:200])


def boot_of(status: Status) -> int | None:
    """Give the boot of a status, written as a number or as hex digits; None if it names none."""
    if isinstance(status.boot, str):
        try:
            boot = int(status.boot, 16)
        except ValueError:
            return None
        return boot if 0 <= boot <= MAX_UINT32 else None
    return status.boot


def observe(before: Presence | None, status: Status, now_us: int, *, retained: bool) -> Presence:
    """Give the presence after a status; ``retained`` ones are old and only fill what is unknown."""
    boot = boot_of(status)
    if retained and before is not None:
        return before
    if before is not None and not status.online and boot is not None and boot != before.boot:
        return before  # the last will of an earlier power-up says nothing about this one
    changed = before is None or before.online != status.online
    return Presence(
        online=status.online,
        boot=boot,
        t_us=status.t,
        changed_us=now_us if before is None or changed else before.changed_us,
        seen_us=now_us if status.online or before is None else before.seen_us,
        firmware=status.firmware if before is None else status.firmware or before.firmware,
        battery_percent=_newest(status.battery, before.battery_percent if before else None),
        rssi_dbm=_newest(status.rssi, before.rssi_dbm if before else None),
        buffered=status.buffered if status.online else before.buffered if before else None,
        reported=status.reported or (before.reported if before else {}),
    )


def events_of(device: DeviceKey, before: Presence | None, after: Presence) -> list[Event]:
    """Give what is news in a presence: online, offline, battery low."""
    events: list[Event] = []
    if after.online != (before is not None and before.online) or (
        before is not None and after.online and after.boot != before.boot
    ):
        kind = EventKind.DEVICE_ONLINE if after.online else EventKind.DEVICE_OFFLINE
        events.append(
            Event(
                id=event_id(kind, device, after.boot or 0, after.t_us or 0),
                t=after.changed_us
                if before is None or before.boot == after.boot
                else after.seen_us,
                kind=kind,
                severity=Severity.INFO if after.online else Severity.LOW,
                source="gateway",
                text_key=kind.value,
                device=device,
                data={"boot": after.boot} if after.boot is not None else {},
            )
        )
    if _is_low(after) and not (before is not None and _is_low(before)):
        events.append(
            Event(
                id=event_id(EventKind.BATTERY_LOW, device, after.boot or 0, after.t_us or 0),
                t=after.seen_us,
                kind=EventKind.BATTERY_LOW,
                severity=Severity.LOW,
                source="gateway",
                text_key=EventKind.BATTERY_LOW.value,
                device=device,
                data={"battery_percent": after.battery_percent},
            )
        )
    return events


def heard(before: Presence | None, now_us: int) -> Presence:
    """Give the presence of a device that has just sent something else than a status."""
    if before is None:
        return _new(now_us, online=True)
    changed_us = before.changed_us if before.online else now_us
    return before._replace(online=True, seen_us=now_us, changed_us=changed_us)


def gone(before: Presence, now_us: int) -> Presence:
    """Give the presence of a device that counts as offline from now on."""
    return before._replace(online=False, changed_us=now_us)


def observe_unit(
    before: Presence | None, reported: Mapping[str, Any], now_us: int, *, online: bool
) -> Presence:
    """Give the presence of a unit as its hub tells it."""
    known = before or _new(now_us, online=False)
    firmware, battery, rssi = (reported.get(name) for name in ("firmware", "battery", "rssi"))
    return known._replace(
        online=online,
        changed_us=known.changed_us if known.online == online else now_us,
        seen_us=now_us if online else known.seen_us,
        firmware=firmware if isinstance(firmware, str) else known.firmware,
        battery_percent=float(battery) if _is_number(battery) else known.battery_percent,
        rssi_dbm=float(rssi) if _is_number(rssi) else known.rssi_dbm,
        reported={**known.reported, **reported} if reported else known.reported,
    )


def event_of_change(device: DeviceKey, after: Presence, cause: str, at_us: int) -> Event:
    """Give the event of a device that is online or offline by another sign than a status.

    Parameters
    ----------
    cause : the sign; with ``at_us`` it makes the id, the same when it is told again
    """
    kind = EventKind.DEVICE_ONLINE if after.online else EventKind.DEVICE_OFFLINE
    data: dict[str, Any] = {"cause": cause}
    if cause == SILENT:
        data["silent_s"] = round((after.changed_us - after.seen_us) / 1e6, 1)
    return Event(
        id=event_id(kind, device, cause, at_us),
        t=after.changed_us,
        kind=kind,
        severity=Severity.INFO if after.online else Severity.LOW,
        source="gateway",
        text_key=kind.value,
        device=device,
        data=data,
    )


def _new(now_us: int, *, online: bool) -> Presence:
    return Presence(
        online=online, boot=None, t_us=None, changed_us=now_us, seen_us=now_us, firmware=None,
        battery_percent=None, rssi_dbm=None, buffered=None, reported={},
    )  # fmt: skip


def _is_number(value: object) -> TypeGuard[float]:
    return type(value) in (int, float)


def _is_low(presence: Presence) -> bool:
    return presence.battery_percent is not None and presence.battery_percent < BATTERY_LOW_PERCENT


def _newest(told: float | None, before: float | None) -> float | None:
    return before if told is None else told
