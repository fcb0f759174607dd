"""What comes late ends in the numbers that would have been given, had it come in time."""

import numpy as np
import pytest

from services.dsp.core.summaries import BEATS_FIVE_MINUTES
from shared.contracts.measures import Measure
from shared.contracts.quality import ValueFlag
from tests.harness.eventually import eventually
from tests.integration.dsp.system import Key, System, Value, undisturbed
from tests.integration.dsp.test_live import START_US, frames_of

pytestmark = pytest.mark.slow


def without_late_flag(values: dict[Key, Value]) -> dict[Key, Value]:
    """Values without revision and without the flag that says how they came."""
    plain = {}
    for key, value in values.items():
        _, *rest = value
        if key[2] > 0:
            rest[-1] &= ~int(ValueFlag.LATE)
        elif not np.frombuffer(value[2], "<f4")[0]:
            continue  # withdrawn
        plain[key] = tuple(rest)
    return plain


async def test_a_filled_hole_is_computed_again(system: System) -> None:
    frames = frames_of(1, 72)
    missing = [f for f in frames if 40 <= f.n < 46]
    there = [f for f in frames if not 40 <= f.n < 46]
    system.start(DSP_LATE_WAIT_S="0")
    await system.send(there)
    await system.hears(undisturbed(there))
    await system.send([f._replace(received=frames[-1].received) for f in missing])

    async def noted() -> bool:
        return bool(await system.rows("select from dsp.late_interval"))

    await eventually(noted, within_s=20)
    await system.store(frames)
    await system.say_stored("frames.0", 1)

    async def corrected() -> bool:
        return bool(await system.rows("select from dsp.correction"))

    await eventually(corrected, within_s=20)
    expected = without_late_flag(undisturbed(frames))
    await eventually(lambda: without_late_flag(system.heard.final) == expected)

    async def settled() -> bool:
        return not await system.rows("select from dsp.late_interval")

    await eventually(settled)


async def test_hours_offline_are_computed_from_late_frames(system: System) -> None:
    frames = frames_of(1, 64)
    system.start(DSP_LATE_WAIT_S="0")
    arrival = START_US + 7_200_000_000
    for first in range(0, len(frames), 50):
        part = [f._replace(received=arrival) for f in frames[first : first + 50]]
        await system.send(part, late=True)
        await system.store(part)
    await system.say_stored("late.0", 2)
    expected = without_late_flag(undisturbed(frames))
    await eventually(lambda: without_late_flag(system.heard.final) == expected, within_s=30)


async def test_five_minutes_of_stored_beats_become_heart_rate_variability(system: System) -> None:
    window_us = 300_000_000
    start_us = START_US // window_us * window_us
    t = start_us + np.cumsum(800_000 + 40_000 * np.sin(np.arange(373))).astype(np.int64)
    rr_ms = np.concatenate(([np.nan], np.diff(t) / 1000))
    day_us = start_us // 86_400_000_000 * 86_400_000_000
    await system.rows("select signal.ensure_partitions('beat', $1)", [day_us])
    await system.rows(
        "insert into signal.beat (device_id, t, kind, class, revision, rr_ms, quality) "
        "select 1, b.t, 1, 1, 0, b.rr_ms, 1 from unnest($1::bigint[], $2::real[]) as b (t, rr_ms)",
        t.tolist(), rr_ms.tolist(),
    )  # fmt: skip
    await system.say_stored("frames.0", 0)
    await system.rows(
        "insert into dsp.late_interval (device_id, stream, start_us, end_us, lane, incarnation, "
        "after_stream, after_offset) values (1, $1, $2, $3, 0, 1, 'frames.0', 0)",
        BEATS_FIVE_MINUTES, start_us, start_us + window_us,
    )  # fmt: skip
    system.start(DSP_LATE_WAIT_S="0")
    key = (1, start_us + window_us, int(Measure.HRV_SDNN))
    await eventually(lambda: key in system.heard.final, within_s=20)
    revision, value, *_ = system.heard.final[key]
    assert revision == 0
    assert np.frombuffer(value, "<f4")[0] == pytest.approx(40 / np.sqrt(2), rel=0.05)
