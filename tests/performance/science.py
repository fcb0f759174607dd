"""What estimators cost: CPU seconds for an hour of signal of one device, and memory of a device.

Each row of the table of estimators is stepped with many devices at once, as a lane does it. The
row `lane, one ECG each` is all that a lane does: frames in, values out. It has no figure for 4,096:
it steps `ROWS_AT_ONCE` devices at most, so that more of them are as many more steps of the same.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.estimator import Estimator
from services.dsp.core.estimators import ESTIMATORS
from services.dsp.core.lane import ROWS_AT_ONCE, LaneSignals
from services.dsp.core.outputs import Output
from services.dsp.core.windows import take
from shared.contracts.frames import FRAME, FrameBatch
from shared.contracts.streams import Stream
from tests.unit.services.dsp import halls, signals

Floats = NDArray[np.float64]
SIZES = (1, 16, 256, 4096)
ALIKE = 16  # signals that differ; more devices repeat them
SECONDS = {1: 10, 16: 10, 256: 5, 4096: 5}  # whole hops of 5 s: a cut one would tell too much
BEFORE_S = 30  # so that windows are filled
START_S = signals.START_S
KNOWN = halls.circumstances(devices=max(SIZES))
RATES_HZ = {
    Stream.ECG: 250, Stream.PPG: 100, Stream.IMPEDANCE: 25, Stream.ACCELEROMETER: 50,
    Stream.RADAR_IQ: 100, Stream.FLOW: 100,
}  # fmt: skip


def measured(sizes: Sequence[int] = SIZES, keys: Sequence[str] = ()) -> list[dict[str, Any]]:
    """One row for each estimator and number of devices, told as soon as it is there.

    Parameters
    ----------
    keys : of estimators, and `lane`; empty: all
    """
    rows = []
    for estimator in ESTIMATORS:
        if not estimator.key.startswith("device_") and (not keys or estimator.key in keys):
            rows += _costs(estimator, sizes)
            print(told(rows[-len(sizes) :]).splitlines()[-1], flush=True)
    if not keys or "lane" in keys:
        rows += [_lane_cost(devices) for devices in sizes if devices <= ROWS_AT_ONCE]
    return rows


def told(rows: Sequence[dict[str, Any]]) -> str:
    """A table of them."""
    sizes = sorted({row["devices"] for row in rows})
    lines = [
        "CPU s a signal-hour and device | "
        + " | ".join(f"{n:,}" for n in sizes)
        + " | KB a device",
        "---|" + "---:|" * (len(sizes) + 1),
    ]
    for name in dict.fromkeys(row["name"] for row in rows):
        mine = {row["devices"]: row for row in rows if row["name"] == name}
        costs = [f"{mine[n]['cpu_s_an_hour']:.3f}" if n in mine else "" for n in sizes]
        kept = next(iter(mine.values()))["kb_a_device"]
        lines.append(f"{name} | " + " | ".join(costs) + f" | {kept:.1f}" if kept else
                     f"{name} | " + " | ".join(costs) + " |")  # fmt: skip
    return "\n".join(lines)


def _chain(estimator: Estimator) -> list[Estimator]:
    by_key = {one.key: one for one in ESTIMATORS}
    before = [] if estimator.after is None else _chain(by_key[estimator.after])
    return [*before, estimator]


def _signal(stream: Stream, channels: int, rate_hz: int, seconds: int) -> Floats:
    """(ALIKE, channels, samples) of something like life."""
    rng = np.random.default_rng(7)
    rows = []
    for number in range(ALIKE):
        beats = signals.beat_times(55 + 4 * number, seconds, seed=number)
        if stream is Stream.ECG:
            one = signals.ecg(beats, seconds, rate_hz, seed=number)[None]
        elif stream is Stream.PPG:
            one = signals.ppg(beats, seconds, rate_hz, seed=number)[-channels:]
        elif stream is Stream.WIFI_RSSI:
            one = _scans(channels, seconds, number)
        else:
            breaths = signals.breathing(10 + number, seconds, rate_hz, seed=number)[None]
            one = breaths + 0.01 * rng.standard_normal((channels, seconds * rate_hz))
        rows.append(np.resize(one, (channels, seconds * rate_hz)))
    return np.array(rows)


def _costs(estimator: Estimator, sizes: Sequence[int]) -> list[dict[str, Any]]:
    rate_hz = RATES_HZ.get(estimator.stream, estimator.rates_hz[0])
    rate_hz = min(max(rate_hz, estimator.rates_hz[0]), estimator.rates_hz[1])
    chain = _chain(estimator)
    channels = max(one.n_channels for one in chain)
    samples = _signal(estimator.stream, channels, rate_hz, BEFORE_S + max(SECONDS.values()))
    filled = {one.key: one.init(ALIKE, rate_hz) for one in chain}
    alike = np.arange(ALIKE)
    for second in range(BEFORE_S):
        _step(chain, filled, samples, second, alike, rate_hz)
    found = []
    for devices in sizes:
        index = np.arange(devices) % ALIKE
        states = {key: take(state, index) for key, state in filled.items()}
        n = SECONDS[devices]
        used_s = sum(
            _step(chain, states, samples, second, index, rate_hz)
            for second in range(BEFORE_S, BEFORE_S + n)
        )
        found.append({
            "name": f"{estimator.key}, {rate_hz} Hz", "devices": devices,
            "cpu_s_an_hour": used_s / (devices * n) * 3600,
            "kb_a_device": _bytes(states[estimator.key]) / devices / 1024,
        })  # fmt: skip
    return found


def _step(
    chain: list[Estimator], states: dict[str, Any], samples: Floats, second: int,
    index: NDArray[np.int64], rate_hz: int,
) -> float:  # fmt: skip
    """One second of a chain; gives the CPU seconds of its last estimator."""
    block = samples[index][:, :, second * rate_hz : (second + 1) * rate_hz]
    times = np.full(len(index), (START_S + second) * 1_000_000)
    rng = np.random.default_rng(second)
    given: dict[str, Output] = {}
    used_s = 0.0
    for one in chain:
        mine: Any = block[:, 0] if one.n_channels == 1 else block[:, : one.n_channels]
        mine = mine.copy()
        if one.companions:
            shapes = [(each.n_channels, each.rate_hz or rate_hz) for each in one.companions]
            mine = (mine, *(0.02 * rng.standard_normal((len(index), *shape)) for shape in shapes))
        earlier = () if one.after is None else (given[one.after],)
        told: tuple[Any, ...] = ()
        if one.circumstance is not None:
            told = (one.circumstance(KNOWN), np.arange(len(index), dtype=np.int32))
        began_s = time.process_time()
        states[one.key], given[one.key] = one.step(states[one.key], mine, times, *earlier, *told)
        used_s = time.process_time() - began_s
    return used_s


def _scans(channels: int, seconds: int, number: int) -> Floats:
    """Strengths at a place of the hall, each 2 s."""
    noise = np.random.default_rng(number).standard_normal((len(halls.ACCESS_POINTS), seconds))
    dbm = np.full((channels, seconds), np.nan)
    dbm[: len(noise)] = halls.strengths(halls.GRID[number * 13 :][:1]).T + noise
    dbm[:, 1::2] = np.nan
    return dbm


def _bytes(state: Any) -> int:
    if isinstance(state, np.ndarray):
        return state.nbytes
    return sum(_bytes(getattr(state, name)) for name in state.__dataclass_fields__)


def _lane_cost(devices: int) -> dict[str, Any]:
    """Frames in, values out, an ECG of each device; a message holds 256 frames at most."""
    rate_hz, n_seconds = 250, 10
    samples = _signal(Stream.ECG, 1, rate_hz, BEFORE_S + n_seconds)
    counts = np.rint(samples[:, 0] / 0.001).astype("<i2")
    lane, used_s = LaneSignals(), 0.0
    for second in range(BEFORE_S + n_seconds):
        began_s = time.process_time()
        for first in range(0, devices, 256):
            lane.take(_message(counts, range(first, min(first + 256, devices)), second, rate_hz))
        lane.compute()
        if second >= BEFORE_S:
            used_s += time.process_time() - began_s
    return {
        "name": "lane, one ECG each, 250 Hz", "devices": devices,
        "cpu_s_an_hour": used_s / (devices * n_seconds) * 3600, "kb_a_device": 0.0,
    }  # fmt: skip


def _message(counts: NDArray[np.int16], devices: range, second: int, rate_hz: int) -> FrameBatch:
    part = counts[:, second * rate_hz : (second + 1) * rate_hz]
    octets = b"".join(part[device % ALIKE].tobytes() for device in devices)
    t0 = (START_S + second) * 1_000_000
    size = rate_hz * 2
    rows = [
        (
            device + 1, 1, second, 0, Stream.ECG, t0, 1_000_000_000 // rate_hz, t0 + 1_050_000, 0,
            1, 1, 0, 0.001, 0.0, place * size, size,
        )
        for place, device in enumerate(devices)
    ]  # fmt: skip
    return FrameBatch(np.array(rows, dtype=FRAME), memoryview(octets))
