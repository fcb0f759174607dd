"""What compaction goes through: the streams of the devices of an hour, one after the other."""

from typing import NamedTuple


class StreamKey(NamedTuple):
    """One stream of one device."""

    device: int
    stream: int


BEFORE_ALL = StreamKey(-(2**31), -(2**15))
"""Stands before each device and stream that there can be."""


def rest_s(worked_s: float, share: float) -> float:
    """How long to rest after work, so that work takes this share (0 to 1) of the time."""
    return worked_s * (1.0 / share - 1.0)
