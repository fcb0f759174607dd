"""Floors of motion, position and lungs on reference recordings, where they lie beside."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.dsp.core.motion import steps
from services.dsp.core.position import fingerprints
from services.dsp.core.spirometry.blow import measure
from tests.accuracy.recordings import DATA, needed

Floats = Any
pytestmark = [pytest.mark.slow]


def test_places(floors: dict[str, Any]) -> None:
    wanted = floors["sod_wifi"]
    with np.load(needed(DATA / "sod-wifi") / "SYL.npz") as archive:
        known = {key: archive[key] for key in archive.files}
    dbm = {part: known[f"{part}_dbm"].astype(float) for part in ("map", "test")}
    for values in dbm.values():
        values[values == 0] = np.nan
    unseen = known["test_to_nearest_map_m"] > 0.05
    rooms = known["map_room"].astype(np.int64)
    places = fingerprints.fingerprint_map(dbm["map"], known["map_xy_m"].astype(float), rooms)
    fixes = fingerprints.locate(places, dbm["test"][unseen])
    off = fixes.xy_m - known["test_xy_m"][unseen]
    assert np.sqrt((off**2).sum(axis=1)).mean() <= wanted["error_m_most"]
    right = 100 * (fixes.room == known["test_room"][unseen]).mean()
    assert right >= wanted["room_percent_least"]


def test_blows(floors: dict[str, Any]) -> None:
    with np.load(needed(DATA / "ats-waveforms") / "flow-time-26.npz") as archive:
        known = {key: archive[key] for key in archive.files}
    errors = []
    for k, flow in enumerate(known["flow_mls"]):
        blow = measure(np.concatenate((flow / 1000, np.zeros(500))), 500)
        assert blow is not None, known["number"][k]
        pairs = ((blow.fvc, "fvc_l"), (blow.fev1, "fev1_l"), (blow.pef, "pef_ls"))
        errors.append([100 * abs(value / known[name][k] - 1) for value, name in pairs])
    fvc, fev1, pef = np.mean(errors, axis=0)
    assert fvc <= floors["ats"]["fvc_error_percent_most"]
    assert fev1 <= floors["ats"]["fev1_error_percent_most"]
    assert pef <= floors["ats"]["pef_error_percent_most"]


def counted(acc: Floats, rate_hz: int) -> int:
    """Steps of one recording (n, 3)."""
    state, total = steps.init(1, rate_hz), 0
    for second in range(len(acc) // rate_hz + steps.WAIT_S + 2):
        block = np.full((1, 3, rate_hz), np.nan)
        part = acc[second * rate_hz : (second + 1) * rate_hz]
        block[0, :, : len(part)] = part.T
        state, told = steps.advance(state, block)
        total += int(told.now.sum())
    return total


@pytest.mark.parametrize("name", ["oxford-steps", "back-steps"])
def test_walks(name: str, floors: dict[str, Any]) -> None:
    files: list[Path] = sorted(needed(DATA / name).glob("*.npz"))
    right = []
    for file in files:
        with np.load(file) as archive:
            acc = archive["acc"] * float(archive["g_per_count"])
            true, rate_hz = int(archive["steps"]), int(archive["fs"])
        right.append(100 * (1 - abs(counted(acc, rate_hz) - true) / true))
    assert np.mean(right) >= floors["steps"][f"{name.partition('-')[0]}_percent_least"]
