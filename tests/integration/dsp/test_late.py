"""What comes late ends in the numbers that would have been given, had it come in time."""

import numpy as np
import pytest

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
