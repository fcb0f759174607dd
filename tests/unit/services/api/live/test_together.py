"""A crowd that asks the same at once is one question, and each answer is newer than its asker."""

import asyncio

import pytest

from services.api.live.together import Together
from shared.errors import Dependency, Unavailable


class Slow:
    """Answers with how often it was asked, when the test lets it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def look_up(self, key: str) -> str:
        self.asked.append(key)
        number = len(self.asked)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return f"{key}{number}"


async def begun() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_comes_while_one_is_looked_up_shares_the_next() -> None:
    slow = Slow()
    together = Together(slow.look_up)
    first = asyncio.ensure_future(together("a"))
    await begun()
    crowd = [asyncio.ensure_future(together("a")) for _ in range(50)]
    other = asyncio.ensure_future(together("b"))
    await begun()
    slow.gate.set()
    assert await first == "a1"
    assert await asyncio.gather(*crowd) == ["a3"] * 50
    assert await other == "b2"
    assert slow.asked == ["a", "b", "a"]
    assert await together("a") == "a4"  # later is another question


async def test_an_error_is_everybodys_who_waited_for_it() -> None:
    slow = Slow()
    slow.error = Unavailable(Dependency.POSTGRESQL, "away")
    together = Together(slow.look_up)
    crowd = [asyncio.ensure_future(together("a")) for _ in range(3)]
    await begun()
    slow.gate.set()
    answers = await asyncio.gather(*crowd, return_exceptions=True)
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert len(slow.asked) <= 2
    slow.error = None
    assert await together("a") == f"a{len(slow.asked)}"


async def test_one_that_is_cancelled_at_it_leaves_it_to_the_next() -> None:
    slow = Slow()
    together = Together(slow.look_up)
    first = asyncio.ensure_future(together("a"))
    second = asyncio.ensure_future(together("a"))
    await begun()
    first.cancel()
    slow.gate.set()
    assert await second == "a2"
    with pytest.raises(asyncio.CancelledError):
        await first
