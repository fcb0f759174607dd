"""The hall of system E: what its nodes send is placed where they are carried."""

import msgspec
import numpy as np

from devices.simulators import wellness_hall
from devices.simulators.bedside_monitor import Outgoing
from devices.simulators.systems import simulated_devices
from devices.simulators.wellness import WellnessMotionNode
from services.dsp.core.circumstances import Circumstances
from services.dsp.core.lane import LaneSignals
from services.dsp.core.position.fingerprints import fingerprint_map
from services.dsp.core.position.places import FloorMap, PlaceMaps
from shared.contracts.frames import Frame, decode_frames, encode_frames
from shared.contracts.measures import Measure
from shared.contracts.place_maps import PlaceMap, checked, stored_points
from shared.contracts.records import BadBatch

START_S, SECONDS, DEVICE, NUMBER = 1_800_000_000, 240, 7, 1
SECOND_US = 1_000_000
FOR_EVER_US = 2**62


def hall_known() -> Circumstances:
    hall = checked(msgspec.convert(wellness_hall.hall_map(), PlaceMap))
    x, y, room, heading, dbm = zip(*stored_points(hall), strict=True)
    measured = fingerprint_map(
        np.array(dbm, dtype=np.float64),
        np.array([x, y], dtype=np.float64).T,
        np.array(room, dtype=np.int64) + 1,
        np.array(heading, dtype=np.float64),
    )
    maps = PlaceMaps(
        [FloorMap(1, 0, FOR_EVER_US, hall.access_points, measured)], {DEVICE: hall.access_points}
    )
    return Circumstances(maps=maps)


def test_a_carried_node_is_found_in_its_rooms() -> None:
    known = hall_known()
    lane = LaneSignals(circumstances=lambda: known)
    node = simulated_devices(["wellness"], count=1, seed=3, first=NUMBER)[1].source
    assert isinstance(node, WellnessMotionNode)
    right, off_m, within = [], [], []
    names = list(wellness_hall.ROOMS)
    for second in range(0, SECONDS, 2):
        start_us = (START_S + second) * SECOND_US
        wires = [
            frame.to_wire(start_us + SECOND_US)
            for message in node.second(second, start_us)
            if isinstance(message, Outgoing)
            for frame in message.frames
            if frame.stream.name in {"WIFI_RSSI", "HEADING"}
        ]
        batch = decode_frames(
            encode_frames([
                Frame(
                    DEVICE, 1, second, part, wire.stream, start_us, wire.interval_ns,
                    start_us + SECOND_US, 0, wire.channels, wire.format, wire.place, wire.scale,
                    wire.offset, wire.data,
                )
                for part, wire in enumerate(wires)
            ])
        )  # fmt: skip
        assert not isinstance(batch, BadBatch)
        lane.take(batch)
        told: dict[int, dict[Measure, float]] = {}
        for table in lane.compute().vitals:
            for row in table[np.isfinite(table["value"])]:
                at = told.setdefault(int(row["t"]), {})
                at[Measure(int(row["measure"]))] = float(row["value"])
        for t, values in told.items():
            where, _ = wellness_hall.carried(t // SECOND_US - 1 - START_S, NUMBER)
            off = np.hypot(
                values[Measure.POSITION_X] - where[0, 0], values[Measure.POSITION_Y] - where[0, 1]
            )
            off_m.append(off)
            within.append(off <= values[Measure.POSITION])
            if Measure.ROOM in values:
                room = names[int(values[Measure.ROOM]) - 1]
                right.append(room == wellness_hall.room_at(where))
    assert len(off_m) >= 100
    assert np.mean(off_m) < 2.5
    assert np.mean(right) >= 0.95
    assert np.mean(within) >= 0.9
    assert wellness_hall.room_at(wellness_hall.carried(100, NUMBER)[0]) == "Day room"
