"""Who and what: devices, patients, boots, messages, and the shards and lanes they belong to."""

import re
import struct
import zlib
from typing import NamedTuple, NewType

DeviceId = NewType("DeviceId", str)
"""The device's name outside: ``[a-z0-9-]{3,40}``, part of its MQTT topics, also its user name.

A unit behind a hub is a device of its own, ``{hub}--{unit}``; it speaks through the hub.
"""

DeviceKey = NewType("DeviceKey", int)
"""The device's row in ``registry.device``: what travels in records and tables."""

PatientKey = NewType("PatientKey", int)
"""The patient's row in ``registry.patient``."""

Boot = NewType("Boot", int)
"""Random 32-bit number that a device draws at each power-up."""

Shard = NewType("Shard", int)
Lane = NewType("Lane", int)

N_SHARDS = 256
MAX_LANES = 64
MAX_UINT32 = 0xFFFF_FFFF
UNIT_MARK = "--"
"""Between the id of a hub and that of its unit; no other device has it in its id."""
_DEVICE_ID = re.compile(r"[a-z0-9-]{3,40}")
_UNIT = re.compile(r"[a-z0-9]{1,10}")


class MessageId(NamedTuple):
    """Identity of one device message; `part` counts the frames that it carries."""

    device: DeviceKey
    boot: Boot
    n: int
    part: int = 0


def parse_device_id(text: str) -> DeviceId | None:
    """The device id that `text` is, or None where it is none."""
    return DeviceId(text) if _DEVICE_ID.fullmatch(text) else None


def unit_id(hub: DeviceId, unit: str) -> DeviceId | None:
    """The device id of a unit behind a hub, or None where the two make none."""
    if UNIT_MARK in hub or not _UNIT.fullmatch(unit):
        return None
    return parse_device_id(f"{hub}{UNIT_MARK}{unit}")


def hub_of(device: DeviceId) -> DeviceId:
    """The device that speaks for this one: its hub, or itself."""
    return DeviceId(device.split(UNIT_MARK, 1)[0])


def shard_of(device: DeviceId) -> Shard:
    """Shard of a device, for ever: the lowest byte of the CRC-32 of its id, or of its hub's.

    So a hub and its units travel in one lane, and a message of the hub in one batch.
    """
    return Shard(zlib.crc32(hub_of(device).encode("ascii")) & 0xFF)


def shard_of_patient(patient: PatientKey) -> Shard:
    """Shard of a patient: the lowest byte of the CRC-32 of its key as i32, little-endian."""
    return Shard(zlib.crc32(struct.pack("<i", patient)) & 0xFF)


def lane_of(shard: Shard, lanes: int) -> Lane:
    """Lane that a shard travels in when there are `lanes` (a power of two, at most 64)."""
    if not is_lane_count(lanes):
        raise ValueError(f"lanes must be a power of two from 1 to {MAX_LANES}, not {lanes}")
    return Lane(shard * lanes // N_SHARDS)


def shards_of(lane: Lane, lanes: int) -> range:
    """All shards of one lane."""
    if not is_lane_count(lanes) or not 0 <= lane < lanes:
        raise ValueError(f"there is no lane {lane} of {lanes}")
    width = N_SHARDS // lanes
    return range(lane * width, (lane + 1) * width)


def is_lane_count(lanes: int) -> bool:
    """Whether `lanes` is a power of two from 1 to 64."""
    return 1 <= lanes <= MAX_LANES and lanes & (lanes - 1) == 0
