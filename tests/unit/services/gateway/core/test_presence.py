"""Who is online, and what of it is news."""

import msgspec
import pytest

from services.gateway.core.presence import (
    Presence,
    Status,
    boot_of,
    events_of,
    observe,
    read_status,
)
from shared.contracts.decoding import Refused
from shared.contracts.events import EventKind
from shared.contracts.identity import DeviceKey
from shared.contracts.parking import Reason

A = DeviceKey(1)
NOW = 1_790_000_000_000_000


def seen(
    before: Presence | None, now_us: int = NOW, *, retained: bool = False, **fields: object
) -> Presence:
    status = read_status(msgspec.json.encode({"online": True, "boot": 7, "t": now_us, **fields}))
    assert isinstance(status, Status)
    return observe(before, status, now_us, retained=retained)


def kinds(before: Presence | None, after: Presence) -> list[EventKind]:
    return [event.kind for event in events_of(A, before, after)]


def test_coming_and_going_is_told_once() -> None:
    online = seen(None)
    again = seen(online, NOW + 60)
    offline = seen(again, NOW + 90, online=False)
    back = seen(offline, NOW + 120)
    assert kinds(None, online) == [EventKind.DEVICE_ONLINE]
    assert kinds(online, again) == []
    assert kinds(again, offline) == [EventKind.DEVICE_OFFLINE]
    assert kinds(offline, back) == [EventKind.DEVICE_ONLINE]
    assert again.changed_us == NOW
    assert offline.changed_us == NOW + 90


def test_a_new_power_up_is_told_though_nobody_saw_the_old_one_go() -> None:
    assert kinds(seen(None), seen(seen(None), boot=8)) == [EventKind.DEVICE_ONLINE]


def test_the_last_will_of_an_earlier_power_up_is_passed_over() -> None:
    online = seen(None, boot=8)
    assert seen(online, NOW + 9, online=False, boot=7) == online


def test_a_retained_status_fills_only_what_is_unknown() -> None:
    online = seen(None)
    assert seen(online, NOW + 9, retained=True, online=False) == online
    assert seen(None, retained=True).online


def test_the_same_news_has_the_same_id() -> None:
    first, again = events_of(A, None, seen(None)), events_of(A, None, seen(None))
    assert first[0].id == again[0].id
    assert first[0].id != events_of(DeviceKey(2), None, seen(None))[0].id


def test_a_low_battery_is_told_when_it_becomes_low() -> None:
    good, low = seen(None, battery=80), seen(None, battery=14.5)
    assert kinds(good, low) == [EventKind.BATTERY_LOW]
    assert kinds(low, low) == []


def test_what_a_status_leaves_out_is_kept() -> None:
    full = seen(None, battery=80, rssi=-60, firmware="1.2", reported={"a": 1})
    after = seen(full, NOW + 1)
    assert (after.battery_percent, after.rssi_dbm, after.firmware, after.reported) == (
        80,
        -60,
        "1.2",
        {"a": 1},
    )


@pytest.mark.parametrize(
    ("boot", "read"),
    [
        (7, 7),
        ("1f", 0x1F),
        ("ffffffff", 2**32 - 1),
        ("100000000", None),
        ("x", None),
        ("-1", None),
        (None, None),
    ],
)
def test_the_boot_is_a_number_or_hex_digits(boot: int | str | None, read: int | None) -> None:
    assert boot_of(Status(online=True, boot=boot)) == read


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.MALFORMED),
        (b"\xff", Reason.MALFORMED),
        (b'{"online": 1}', Reason.WRONG_TYPE),
        (b"{}", Reason.WRONG_TYPE),
        (b'{"online": true, "boot": -1}', Reason.WRONG_TYPE),
        (b'{"online": true, "t": 1e300}', Reason.WRONG_TYPE),
        (b'{"online": true, "reported": ' + b'{"a":' * 3_000, Reason.TOO_DEEP),
        (b" " * 16_385, Reason.TOO_LARGE),
    ],
)
def test_a_bad_status_is_refused_with_its_reason(payload: bytes, reason: Reason) -> None:
    refused = read_status(payload)
    assert isinstance(refused, Refused)
    assert refused.reason is reason
