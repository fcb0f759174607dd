"""How far a frame or a value can be trusted."""

from enum import IntEnum, IntFlag, StrEnum
from typing import Protocol


class Validity(IntEnum):
    """State of a value, as it travels in records."""

    VALID = 0
    QUESTIONABLE = 1
    STALE = 2
    ABSENT = 3

    @property
    def key(self) -> str:
        """Name in JSON and REST."""
        return self.name.lower()


class Source(StrEnum):
    """Who computed a value: our estimators, or the device itself."""

    COMPUTED = "computed"
    DEVICE = "device"


class FrameFlag(IntFlag):
    """Flags of a frame (`flags` of ``frames.v1``)."""

    LATE = 1  # older than 30 s when it arrived
    CLOCK_ABSURD = 2  # the device's clock made no sense: placed by arrival
    CLOCK_JUMP = 4  # first segment after a jump of the device's clock
    LEAD_OFF = 8  # the device says that an electrode or a probe is off
    SIMULATED = 16  # not from a living person
    SENSOR_FAULT = 32  # the device says that the sensor is defective
    ARRIVAL_IDENTITY = 64  # boot and n given by the gateway (native device without envelope)
    IMPORTED = 128  # came as a file


class ValueFlag(IntFlag):
    """Flags of a vital sign (`flags` of ``vitals.v1``)."""

    DEVICE = 1  # made by the device, not by our estimators
    SIMULATED = 2
    LATE = 4  # computed from late data: judged as history, no live alarm fires from it
    LEAD_OFF = 8  # the reason of an absent value: an electrode or a probe is off
    NO_SAMPLES = 16  # the reason of an absent value: samples are missing
    ARTEFACT = 32  # the reason of an absent or questionable value: noise, motion, saturation
    SETTLING = 64  # the reason of an absent value: not enough signal yet


class MessageFlag(IntFlag):
    """Flags byte of codec `packed`; in codec `json` the same names in lower case, as booleans."""

    LEAD_OFF = 1  # of the frames of this message: an electrode or a probe is off
    SIMULATED = 2
    SENSOR_FAULT = 4
    RECEIPT_WANTED = 8  # answer with down/stored at once


class FlagsAsBooleans(Protocol):
    """A message in JSON: its flags are fields of their own."""

    lead_off: bool
    simulated: bool
    sensor_fault: bool
    receipt_wanted: bool


def message_flags(told: FlagsAsBooleans) -> MessageFlag:
    """Give the flags of a message in JSON."""
    flags = MessageFlag(0)
    if told.lead_off:
        flags |= MessageFlag.LEAD_OFF
    if told.simulated:
        flags |= MessageFlag.SIMULATED
    if told.sensor_fault:
        flags |= MessageFlag.SENSOR_FAULT
    if told.receipt_wanted:
        flags |= MessageFlag.RECEIPT_WANTED
    return flags
