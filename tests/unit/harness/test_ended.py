"""A task that loses a cancellation, as `asyncio.wait_for` of 3.11 does, ends all the same."""

import asyncio

import pytest

from tests.harness import ended as module
from tests.harness.ended import ended


async def test_who_loses_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN_S", 0.001)
    lost = 0

    async def loses_two() -> None:
        nonlocal lost
        while lost < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1
        await asyncio.Event().wait()

    async def fails() -> None:
        raise ValueError

    tasks = [asyncio.ensure_future(each) for each in (loses_two(), fails())]
    await asyncio.sleep(0)
    await ended(*tasks)
    assert lost == 2
    assert tasks[0].cancelled()
    assert isinstance(tasks[1].exception(), ValueError)


async def test_what_has_ended_may_be_ended() -> None:
    done = asyncio.ensure_future(asyncio.sleep(0))
    await done
    await ended(done)
    assert not done.cancelled()
