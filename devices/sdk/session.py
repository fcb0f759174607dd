"""The MQTT side of a device: connects, sends what is not stored, hears what is.

One task group a connection; a connection that is lost ends all of it and the next begins anew.
The clocks and waits of the SDK stand here and in ``device``: it takes nothing from the server side.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any, final

import msgspec
from aiomqtt import MqttError
from paho.mqtt.reasoncodes import ReasonCode

from devices.sdk.command_desk import CommandDesk
from devices.sdk.configuration_keeper import ConfigurationKeeper
from devices.sdk.happened import (
    Connected,
    Desired,
    Disconnected,
    Listener,
    NativeListener,
    Refused,
    ServerTime,
    SetAside,
    Stored,
)
from devices.sdk.journal import Journal
from devices.sdk.link import Address, Link, MakeLink, envelope
from devices.sdk.unsent import Key, Unsent
from shared.contracts.commands import DownCommand, DownDesired
from shared.contracts.names import DownKind, UpKind, device_root, down_topic, up_topic

PUBACK_TIMEOUT_S = 30.0  # a broker that keeps one message this long is as good as gone
STATUS_EACH_S = 60.0
BACK_OFF_FIRST_S, BACK_OFF_MOST_S = 0.25, 20.0
# PUBACKs that say no for good: not authorized, bad topic name, bad payload format. Others
# ("quota exceeded" and so on) pass, and the message is sent again like any that is not stored.
DENIALS = frozenset({0x87, 0x90, 0x99})

log = logging.getLogger("vitalwire.sdk.session")


class _StoredMessage(msgspec.Struct):
    boot: int
    ranges: list[tuple[int, int]]


class _ErrorMessage(msgspec.Struct):
    boot: int
    n: int
    reason: str


class _TimeMessage(msgspec.Struct):
    t_utc_us: int


@final
class Session:
    """Connects again and again, and keeps the rules of resending.

    Parameters
    ----------
    status : gives the JSON fields of ``up/status``, the time of this moment among them
    desk : takes commands
    keeper : takes configurations; None where the device has none
    on_native : takes commands in the device's own bytes; None where it has none
    make_link : makes each connection; another than `Link` in simulators of bad networks
    """

    def __init__(  # noqa: PLR0913 - all by keyword, joined once by `Device`
        self,
        *,
        address: Address,
        boot: int,
        unsent: Unsent,
        journal: Journal,
        status: Callable[[], dict[str, Any]],
        listener: Listener,
        desk: CommandDesk,
        keeper: ConfigurationKeeper | None,
        on_native: NativeListener | None = None,
        make_link: MakeLink = Link,
    ) -> None:
        self._address = address
        self._boot = boot
        self._unsent = unsent
        self._journal = journal
        self._status = status
        self._tell = listener
        self._desk = desk
        self._keeper = keeper
        self._on_native = on_native
        self._make_link = make_link
        self._wake = asyncio.Event()
        self._status_wanted = asyncio.Event()
        self._free = asyncio.Event()  # clear while the network is interrupted on purpose
        self._free.set()
        self._settled = asyncio.Event()
        self._by_mid: dict[int, Key] = {}
        self._proof_mid = 0
        self._proven = asyncio.Event()  # the broker has acknowledged something on this connection
        self._link: Link | None = None
        self._ended = False
        topics = {kind: down_topic(address.device, kind) for kind in DownKind}
        self._down = {topics[kind]: kind for kind in DownKind}

    @property
    def is_connected(self) -> bool:
        """Whether a connection stands now."""
        return self._link is not None

    def wake(self) -> None:
        """Something new is there to be sent."""
        self._wake.set()

    def want_status(self) -> None:
        """Send ``up/status`` soon: what it says has changed."""
        self._status_wanted.set()

    async def settled(self) -> None:
        """Wait until some message is settled. Cancel-safe: holds nothing."""
        self._settled.clear()
        await self._settled.wait()

    def interrupt(self) -> None:
        """Cut the connection and stay away until `resume`."""
        self._free.clear()
        if self._link is not None:
            self._link.cut()

    def end(self) -> None:
        """Connect no more; `run` is about to be cancelled."""
        self._ended = True

    def resume(self) -> None:
        """Connect again after `interrupt`."""
        self._free.set()

    def answer(self, command: str, outcome: str, detail: str) -> bool:
        """Send the result of a command; False if there is no connection to send it on."""
        if self._link is None:
            return False
        body = {"command": command, "outcome": outcome, "detail": detail}
        topic = up_topic(self._address.device, UpKind.RESULT)
        try:
            self._link.send(topic, msgspec.json.encode(body), None)
        except MqttError:
            return False  # the connection is about to end: the server asks again
        return True

    async def run(self) -> None:
        """Keep a connection for ever. Cancel-safe: what was not stored is still in the journal."""
        attempt = 0
        while True:
            await self._free.wait()
            link = self._make_link(self._address, self._will(), self._on_puback)
            try:
                async with link:
                    attempt = 0
                    await self._use(link)
            except* (MqttError, OSError, TimeoutError) as errors:
                reason = _reason(errors)
                log.info("connection_lost device=%s reason=%s", self._address.device, reason)
                self._tell(Disconnected(reason))
            finally:
                link.forget_errors()
                self._end_link()
            if self._ended:
                # The error of a link that was being closed can take the place of the cancellation.
                raise asyncio.CancelledError
            attempt += 1
            await self._pause(attempt)

    async def _use(self, link: Link) -> None:
        await link.subscribe(f"{device_root(self._address.device)}/down/#", qos=1)
        if self._ended:
            raise asyncio.CancelledError  # aiomqtt's wait_for loses one that meets its answer
        self._link = link
        self._proven.clear()
        self._proof_mid = self._send_status(link)
        self._unsent.connected()
        if self._keeper is not None:
            self._keeper.connected()
        self._tell(Connected())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive(link))
                tasks.create_task(self._send(link))
                tasks.create_task(self._keep_status(link))
        except asyncio.CancelledError:
            # Asked to end: the will speaks for lost connections only, so say good-bye ourselves.
            topic = up_topic(self._address.device, UpKind.STATUS)
            link.send(topic, self._will(), None, retain=True)
            raise

    def _end_link(self) -> None:
        self._link = None
        self._by_mid.clear()
        aside = self._unsent.disconnected(_monotonic_us())
        if aside is not None:
            self._set_aside(aside, "connection_dropped")

    async def _send(self, link: Link) -> None:
        # A message that flies when a connection is lost may be to blame for it. A broker that
        # has acknowledged nothing yet is to blame itself.
        async with asyncio.timeout(PUBACK_TIMEOUT_S):
            await self._proven.wait()
        while True:
            self._wake.clear()
            now_us = _monotonic_us()
            while (key := self._unsent.take(now_us)) is not None:
                try:
                    entry = self._journal.read(key)
                except OSError:
                    log.exception("message_unreadable boot=%d n=%d", *key)
                    if self._unsent.denied(key, now_us):
                        self._set_aside(key, "unreadable")
                    continue
                topic = up_topic(self._address.device, UpKind.DATA, entry.codec)
                try:
                    mid = link.send(topic, entry.body, envelope(entry))
                except MqttError:
                    self._unsent.put_back(key)  # it never left
                    raise
                self._by_mid[mid] = key
            oldest = self._unsent.oldest_flying_us()
            if oldest is not None and now_us - oldest > PUBACK_TIMEOUT_S * 1e6:
                raise MqttError("the broker acknowledges nothing")
            due = self._unsent.next_due_us()
            wait_s = 5.0 if due is None else min(5.0, max(0.0, (due - now_us) / 1e6) + 0.001)
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _keep_status(self, link: Link) -> None:
        while True:
            try:
                async with asyncio.timeout(STATUS_EACH_S):
                    await self._status_wanted.wait()
            except TimeoutError:
                pass
            self._status_wanted.clear()
            self._send_status(link)

    async def _receive(self, link: Link) -> None:
        async for message in link.messages:
            kind = self._down.get(message.topic.value)
            if kind is None:
                continue
            try:
                self._hear(kind, message.payload)
            except msgspec.MsgspecError:
                log.warning("down_message_malformed kind=%s", kind)
        raise MqttError("the broker closed the connection")

    def _hear(self, kind: DownKind, body: bytes) -> None:
        match kind:
            case DownKind.STORED:
                stored = msgspec.json.decode(body, type=_StoredMessage)
                keys = self._unsent.stored(stored.boot, stored.ranges)
                if keys:
                    self._settle(keys)
                    self._tell(Stored(tuple(keys)))
            case DownKind.ERROR:
                error = msgspec.json.decode(body, type=_ErrorMessage)
                key = Key(error.boot, error.n)
                if self._unsent.refused(key):
                    self._settle([key])
                    log.warning("message_refused boot=%d n=%d reason=%s", *key, error.reason)
                    self._tell(Refused(key, error.reason))
            case DownKind.COMMAND if self._on_native is not None and not body.startswith(b"{"):
                self._on_native(body)
            case DownKind.COMMAND:
                self._desk.hear(msgspec.json.decode(body, type=DownCommand))
            case DownKind.DESIRED:
                desired = msgspec.json.decode(body, type=DownDesired)
                if self._keeper is not None:
                    self._keeper.hear(desired)
                self._tell(Desired(desired.configuration, desired.version))
            case DownKind.FILE:
                pass  # it has sent no file
            case DownKind.TIME:
                told = msgspec.json.decode(body, type=_TimeMessage)
                self._desk.set_time(told.t_utc_us)
                self._tell(ServerTime(told.t_utc_us))

    def _settle(self, keys: list[Key]) -> None:
        self._journal.settle(keys)
        self._settled.set()
        self._wake.set()

    def _on_puback(self, mid: int, reason: ReasonCode) -> None:
        if mid == self._proof_mid:
            self._proven.set()
        key = self._by_mid.pop(mid, None)
        if key is None:
            return
        now_us = _monotonic_us()
        if reason.value in DENIALS:
            if self._unsent.denied(key, now_us):
                self._set_aside(key, str(reason))
        else:
            self._unsent.acknowledged(key, now_us)
        self._wake.set()

    def _set_aside(self, key: Key, reason: str) -> None:
        log.warning("message_set_aside boot=%d n=%d reason=%s", *key, reason)
        self._tell(SetAside(key, reason))
        self._status_wanted.set()

    def _send_status(self, link: Link) -> int:
        fields: dict[str, Any] = {"online": True, **self._status()}
        topic = up_topic(self._address.device, UpKind.STATUS)
        return link.send(topic, msgspec.json.encode(fields), None, retain=True)

    def _will(self) -> bytes:
        # Without a time: nobody knows when the broker will send it.
        return msgspec.json.encode({"online": False, "boot": self._boot})

    async def _pause(self, attempt: int) -> None:
        most_s = min(BACK_OFF_MOST_S, BACK_OFF_FIRST_S * 2 ** min(attempt, 10))
        share = 0.5 + secrets.randbelow(1000) / 2000
        await asyncio.sleep(most_s * share)  # noqa: TID251 - the SDK has no clock of the server side


def _reason(errors: BaseExceptionGroup[Exception]) -> str:
    """The first error inside, in its own words."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1000  # noqa: TID251 - the SDK has no clock of the server side
