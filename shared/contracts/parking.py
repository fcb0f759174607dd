"""Parking: messages that could not be used, kept with the reason for a look and a retry."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a message was refused; also what the device is told in ``down/error``."""

    MALFORMED = "malformed"
    WRONG_TYPE = "wrong_type"
    NOT_FINITE = "not_finite"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    EMPTY_SAMPLES = "empty_samples"
    BAD_CHECKSUM = "bad_checksum"
    BAD_IDENTITY = "bad_identity"
    BAD_RATE = "bad_rate"
    BAD_TIME = "bad_time"
    UNKNOWN_CODEC = "unknown_codec"
    FOREIGN_CODEC = "foreign_codec"  # a codec that the device's model does not speak
    UNKNOWN_STREAM = "unknown_stream"
    UNSUPPORTED_VERSION = "unsupported_version"
    FOREIGN_DEVICE = "foreign_device"
    UNKNOWN_DEVICE = "unknown_device"
    NO_IDENTITY = "no_identity"  # native bytes without an envelope, and the model wants one
    GARBAGE = "garbage"  # bytes that a stream decoder passed over to find its way again
    UNKNOWN_UNIT = "unknown_unit"  # a unit that may not be behind this hub
    CONFLICT = "conflict"
    BAD_BATCH = "bad_batch"
    INTERNAL_ERROR = "internal_error"


class ParkingHeader(StrEnum):
    """AMQP headers of a parked message; its body is the original bytes."""

    REASON = "reason"
    DETAIL = "detail"
    WHERE = "where"  # service and place that refused it
    DEVICE = "device"  # device id text, where known
    TOPIC = "topic"  # MQTT topic or AMQP stream that it came from
    IDENTITY = "identity"  # boot and n as text, where known
    AT = "at"  # us UTC
