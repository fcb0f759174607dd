"""Watches a device on a broker, and plays the server where it is told to."""

import asyncio
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import aiomqtt
import msgspec

from devices.conformance.capture import Heard, write_line
from devices.conformance.examination import Examination
from devices.conformance.findings import Rule
from shared.contracts.commands import ENDS, Answer
from shared.contracts.identity import DeviceId
from shared.contracts.names import DownKind, UpKind, device_root, down_topic

RESEND_WITHIN_S = 75.0  # the rule is 60 s
LOOK_EACH_S = 0.1
CANCEL_EACH_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What to do.

    Parameters
    ----------
    for_s : how long to watch at least
    plays_server : no other server is there: give receipts and the time, hold one receipt back
    command : name of a JSON command that the device shall carry out; empty: none
    """

    device: DeviceId
    host: str
    port: int
    user: str
    secret: str
    for_s: float = 30.0
    plays_server: bool = False
    command: str = ""
    answer_within_s: float = 10.0
    keep: Path | None = None


async def run_trial(trial: Trial, examination: Examination) -> None:
    """Watch, and try what was asked for.

    Raises
    ------
    aiomqtt.MqttError : the broker cannot be reached, or does not let us in
    """
    client = aiomqtt.Client(
        trial.host,
        trial.port,
        username=trial.user,
        password=trial.secret,
        identifier=f"conformance-{secrets.token_hex(4)}",
        protocol=aiomqtt.ProtocolVersion.V5,
    )
    async with client, _kept(trial.keep) as file:
        await client.subscribe(f"{device_root(trial.device)}/up/#", qos=1)
        watch = _Watch(client, trial, examination, file)
        watching = asyncio.create_task(watch.listen())
        try:
            begin_s = time.monotonic()
            await watch.until(lambda: examination.online is not None, trial.answer_within_s)
            if trial.plays_server:
                await watch.say(DownKind.TIME, {"t_utc_us": _now_us()})
            if trial.command:
                await watch.try_command(trial.command)
            if trial.plays_server:
                await watch.until(lambda: watch.has_come_again, RESEND_WITHIN_S)
                await watch.judge_resends()
            left_s = trial.for_s - (time.monotonic() - begin_s)
            await watch.until(lambda: False, left_s)
        finally:
            while not watching.done():  # the `wait_for` of 3.11, in aiomqtt, may lose the first
                watching.cancel()
                await asyncio.wait([watching], timeout=CANCEL_EACH_S)
            await asyncio.gather(watching, return_exceptions=True)


class _Watch:
    def __init__(
        self,
        client: aiomqtt.Client,
        trial: Trial,
        examination: Examination,
        file: BinaryIO | None,
    ) -> None:
        self._client, self._trial = client, trial
        self._examination, self._file = examination, file
        self._stored: set[tuple[int, int]] = set()
        self._held: tuple[int, int] | None = None
        self._stored_again = 0

    @property
    def has_come_again(self) -> bool:
        return self._held is not None and self._examination.times_seen[self._held] > 1

    async def listen(self) -> None:
        async for message in self._client.messages:
            properties = vars(message.properties or object()).get("UserProperty", [])
            heard = Heard(
                topic=message.topic.value,
                hex=bytes(message.payload).hex(),
                at=_now_us(),
                properties=[(str(name), str(value)) for name, value in properties],
                retain=message.retain,
            )
            if self._file is not None:
                self._file.write(write_line(heard))
            before = dict(self._examination.times_seen)
            topic = self._examination.take(heard)
            if self._trial.plays_server and topic is not None and topic.kind is UpKind.DATA:
                await self._give_receipts(before)

    async def try_command(self, name: str) -> None:
        """An old command, a good one, the good one again, and a question."""
        hold, results = self._examination.hold, self._examination.results
        old, new = str(uuid.uuid4()), str(uuid.uuid4())
        within_s = self._trial.answer_within_s
        args: dict[str, Any] = {}
        late = {"command": old, "name": name, "args": args, "expires": _now_us() - 1_000_000}
        good = {"command": new, "name": name, "args": args, "expires": _now_us() + 60_000_000}
        await self.say(DownKind.COMMAND, late)
        await self.say(DownKind.COMMAND, good)
        await self.until(lambda: bool(results[old] and results[new]), within_s)
        told = results[old][:1]
        hold(Rule.COMMANDS, told == [Answer.EXPIRED], f"to a command whose time was over: {told}")
        first = results[new][:1]
        ended = bool(first) and Answer(first[0]) in ENDS
        if not hold(Rule.COMMANDS, ended, f"to {name!r} within {within_s:g} s: {first}"):
            return
        await self.say(DownKind.COMMAND, {"command": new, "ask": True})
        await self.until(lambda: len(results[new]) > 1, within_s)
        again = results[new][1:]
        hold(Rule.COMMANDS, again[:1] == first, f"asked what became of it: {again}, not {first}")

    async def judge_resends(self) -> None:
        """What was held back has come again; what was told stored has not."""
        hold = self._examination.hold
        if self._held is None:
            return
        boot, n = self._held
        what = f"n {n} of boot {boot:08x}, without a receipt for {RESEND_WITHIN_S:g} s"
        hold(Rule.RESENDS, self.has_come_again, what)
        what = f"{self._stored_again} messages came again after their receipts"
        hold(Rule.RESENDS, self._stored_again == 0, what)
        await self.say(DownKind.STORED, {"boot": boot, "ranges": [[n, n]]})

    async def say(self, kind: DownKind, body: dict[str, Any]) -> None:
        """Tell the device."""
        topic = down_topic(self._trial.device, kind)
        await self._client.publish(topic, msgspec.json.encode(body), qos=1)

    async def until(self, is_so: Any, most_s: float) -> None:
        """Wait for a state, at most so long."""
        deadline = time.monotonic() + most_s
        while not is_so() and time.monotonic() < deadline:
            await asyncio.sleep(LOOK_EACH_S)

    async def _give_receipts(self, before: dict[tuple[int, int], int]) -> None:
        for key, count in self._examination.times_seen.items():
            if count == before.get(key, 0):
                continue
            if self._held is None:
                self._held = key
            if key == self._held:
                continue
            if key in self._stored:
                self._stored_again += 1
            self._stored.add(key)
            boot, n = key
            await self.say(DownKind.STORED, {"boot": boot, "ranges": [[n, n]]})


@asynccontextmanager
async def _kept(path: Path | None) -> AsyncIterator[BinaryIO | None]:
    if path is None:
        yield None
        return
    with path.open("wb") as file:
        yield file


def _now_us() -> int:
    return time.time_ns() // 1_000
