"""Scans of a device in a lane, as they come and computed again."""

import numpy as np

from services.dsp.core.circumstances import Circumstances
from services.dsp.core.lane import Computed
from services.dsp.core.position.places import PlaceMaps
from services.dsp.core.recomputation import Stretch, recompute, recompute_in_parts
from shared.contracts.frames import Frame, FrameBatch, SampleFormat, decode_frames, encode_frames
from shared.contracts.measures import Measure
from shared.contracts.records import BadBatch
from shared.contracts.streams import Stream
from tests.unit.services.dsp import halls

DEVICE, START_S, SECONDS = 7, 1_800_000_000, 140
SECOND_US = 1_000_000
KNOWN = Circumstances(maps=PlaceMaps([halls.floor_map()], {DEVICE: halls.ACCESS_POINTS}))
# It knows a map only for a number that another device has: no place may come of it.
OTHERS = Circumstances(maps=PlaceMaps([halls.floor_map()], {DEVICE + 1: halls.ACCESS_POINTS}))


def frames() -> FrameBatch:
    """Six strengths and a heading each 2 s, of a walk to and fro."""
    made = []
    for second in range(0, SECONDS, 2):
        spot = np.array([[12 + 10 * np.sin(second / 20), 6.0]])
        dbm = halls.strengths(spot)[0]
        told = ((Stream.WIFI_RSSI, np.where(np.isnan(dbm), -32_768, np.round(dbm))),
                (Stream.HEADING, np.array([90.0])))  # fmt: skip
        t0 = (START_S + second) * SECOND_US
        made += [
            Frame(
                DEVICE, 1, second, part, stream, t0, 0, t0 + 50_000, 0, len(values),
                SampleFormat.INT16, 0, 1.0, 0.0, values.astype("<i2").tobytes(),
            )
            for part, (stream, values) in enumerate(told)
        ]  # fmt: skip
    batch = decode_frames(encode_frames(made))
    assert not isinstance(batch, BadBatch)
    return batch


def rows(computed: Computed) -> set[tuple[float, ...]]:
    table = np.concatenate(computed.vitals)
    assert set(table["device"]) == {DEVICE}
    return {
        tuple(row[name].item() for name in ("t", "measure", "value", "quality")) for row in table
    }


def test_parts_side_by_side_use_the_maps_of_the_device() -> None:
    plain = recompute(frames(), only=Stream.WIFI_RSSI, circumstances=lambda: KNOWN)
    start_us, end_us = ((START_S + second) * SECOND_US for second in (50, 130))
    (parts,) = recompute_in_parts(
        [Stretch(frames(), start_us, end_us)], only=Stream.WIFI_RSSI, circumstances=lambda: KNOWN
    )
    expected = {row for row in rows(plain) if start_us <= row[0] < end_us}
    assert rows(parts) == expected
    rooms = {row[2] for row in expected if row[1] == Measure.ROOM}
    assert {halls.WEST, halls.EAST} <= rooms


def test_without_a_map_of_the_device_nothing_is_told() -> None:
    assert not recompute(frames(), only=Stream.WIFI_RSSI).vitals
    assert not recompute(frames(), only=Stream.WIFI_RSSI, circumstances=lambda: OTHERS).vitals
