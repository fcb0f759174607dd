"""When which process gets SIGKILL: a seeded plan, printed, and how it is carried out."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from typing_extensions import override

from tests.chaos.system import System


@dataclass(frozen=True, slots=True)
class Kill:
    """One SIGKILL."""

    after_s: float
    name: str
    down_s: float

    @override
    def __str__(self) -> str:
        return f"{self.after_s:6.2f} s  {self.name:<10} down {self.down_s:.2f} s"


def plan(names: Sequence[str], *, each: int, within_s: float, seed: int) -> list[Kill]:
    """Kills of every process, `each` times, in any order, spread over `within_s`.

    The same process is not killed twice in a row, so that both kills meet it at work.
    """
    chance = random.Random(seed)
    order = _without_repeats(names, each=each, chance=chance)
    step = within_s / len(order)
    return [
        Kill(step * (k + chance.uniform(0.1, 0.9)), name, chance.uniform(0.0, 1.0))
        for k, name in enumerate(order)
    ]


def _without_repeats(names: Sequence[str], *, each: int, chance: random.Random) -> list[str]:
    """Every name `each` times, drawn by what is left of it, none twice in a row."""
    left = dict.fromkeys(names, each)
    order: list[str] = []
    for n_left in range(each * len(names), 0, -1):
        others = {name: n for name, n in left.items() if n and (not order or name != order[-1])}
        others = others or {name: n for name, n in left.items() if n}  # there is one name only
        most = max(others, key=others.__getitem__)
        if 2 * others[most] > n_left:  # drawn later it would meet itself
            name = most
        else:
            (name,) = chance.choices(list(others), weights=list(others.values()))
        left[name] -= 1
        order.append(name)
    return order


async def carry_out(
    system: System,
    kills: Sequence[Kill],
    tell: Callable[[str], None],
    before_last: Callable[[], Awaitable[object]],
) -> Counter[str]:
    """Kill as planned and bring back what was killed; several may be down at a time.

    A process that is down when its next kill is due is brought back first, so that each kill
    meets a living process; the last one waits for `before_last` besides. Gives how often each was
    killed.
    """
    began = time.monotonic()
    done: Counter[str] = Counter()
    coming_back: dict[str, asyncio.Task[None]] = {}

    async def bring_back(kill: Kill) -> None:
        await asyncio.sleep(kill.down_s)
        await system.bring_back(kill.name)

    async with asyncio.TaskGroup() as tasks:
        for kill in kills:
            await asyncio.sleep(max(0.0, began + kill.after_s - time.monotonic()))
            if kill.name in coming_back:
                await coming_back[kill.name]
            if kill is kills[-1]:
                await before_last()
            await system.bring_back(kill.name)
            system.kill(kill.name)
            done[kill.name] += 1
            tell(f"{time.monotonic() - began:6.2f} s  SIGKILL {kill.name}")
            coming_back[kill.name] = tasks.create_task(bring_back(kill))
    return done


async def supervise(system: System, stop: asyncio.Event, tell: Callable[[str], None]) -> list[str]:
    """Start again what ends by itself, as the supervisor of a real system does; gives its names.

    A service may end by itself when what it stands on is gone; it must come back and go on.
    """
    ended: list[str] = []
    while not stop.is_set():
        for name in system.services:
            process = system.processes[name]
            if not process.running and process.process.returncode != -signal.SIGKILL:
                tell(f"{name} ended by itself: {system.why_ended(name)}")
                ended.append(name)
                process.start()
        try:
            async with asyncio.timeout(1.0):
                await stop.wait()
        except TimeoutError:
            continue
    return ended
