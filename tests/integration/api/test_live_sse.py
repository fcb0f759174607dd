"""Server-sent events: the same data, rights and promises as the live socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.integration.api.conftest import StartApi
from tests.integration.api.live_schemas import check_streamed
from tests.integration.api.system import ASK_AGAIN_S, System
from tests.integration.api.test_live import heard_while, lead_off, now_us

OWN_STREAMS = True
PATH = "/v1/live/sse"


@dataclass
class EventStream:
    """The events of an open stream, as a browser reads them."""

    lines: AsyncIterator[str]
    last_id: str | None = None
    heard: list[tuple[str, Any]] = field(default_factory=list)

    async def hear(self, kind: str, within_s: float = 60.0) -> Any:
        async with asyncio.timeout(within_s):
            while True:
                event, data = await self._next()
                self.heard.append((event, data))
                check_streamed(event, data)
                if event == kind:
                    return data

    async def hear_each(self, kinds: Iterable[str], within_s: float = 60.0) -> None:
        """Read on until each of these kinds was told."""
        for kind in kinds:
            if kind not in dict(self.heard):
                await self.hear(kind, within_s)

    async def _next(self) -> tuple[str, Any]:
        event, data = "message", ""
        async for line in self.lines:
            name, _, value = line.partition(": ")
            match name:
                case "id":
                    self.last_id = value
                case "event":
                    event = value
                case "data":
                    data = value
                case "" if data:
                    return event, json.loads(data)
        raise EOFError


@asynccontextmanager
async def events(
    api: System, username: str, *, since: str | None = None, **query: Any
) -> AsyncIterator[EventStream]:
    headers = await api.bearer(username)
    if since is not None:
        headers["Last-Event-ID"] = since
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(60):
            while True:
                answer = await stack.enter_async_context(
                    api.http.stream("GET", PATH, params=query, headers=headers, timeout=60)
                )
                if answer.status_code != 503:
                    break
                await stack.aclose()
                await asyncio.sleep(ASK_AGAIN_S)
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield EventStream(answer.aiter_lines())


async def test_values_alarms_and_events_come_and_those_of_others_do_not(api: System) -> None:
    async with events(api, "nina", ward="north") as nina:
        assert (await nina.hear("subscribed"))["patients"] == ["p-north1", "p-north2"]
        message = await heard_while(
            lambda: api.publish_vital("p-north1", "ecg-north1", value=71.0, t_us=now_us()),
            lambda: nina.hear("vitals"),
        )
        assert message["items"][0]["value"] == 71.0
        await api.publish_event(lead_off(api, 1, patient="p-south1"))
        await api.publish_event(lead_off(api, 2))
        told = await nina.hear("event")
        assert told["item"]["data"] == {"number": 2}
        assert nina.last_id == told["cursor"]
        state = await nina.hear("state")
        assert state["server_time"] > "2026"
        assert not [data for kind, data in nina.heard if "south" in json.dumps(data)]


async def test_who_comes_back_with_the_last_id_misses_nothing(api: System) -> None:
    async with events(api, "nina", patient="p-north1", what="events") as nina:
        await nina.hear("subscribed")
        await api.publish_event(lead_off(api, 0))
        await nina.hear("event")
        last_id = nina.last_id
    for number in range(1, 4):
        await api.publish_event(lead_off(api, number))
    async with events(api, "nina", since=last_id, patient="p-north1", what="events") as nina:
        heard = [(await nina.hear("event"))["item"]["data"]["number"] for _ in range(3)]
        await api.publish_event(lead_off(api, 4))
        heard.append((await nina.hear("event"))["item"]["data"]["number"])
        assert heard == [1, 2, 3, 4]


async def refused(api: System, username: str | None, **query: Any) -> httpx.Response:
    headers = {} if username is None else await api.bearer(username)
    return await api.http.get(PATH, params=query, headers=headers)


async def test_nobody_hears_what_is_not_theirs_and_the_attempt_is_written_down(
    api: System,
) -> None:
    for query in ({"patient": "p-south1"}, {"ward": "south"}, {"patient": "p-zzzzz"}):
        answer = await refused(api, "nina", **query)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    rows = await api.audit(action="watch", actor="nina", outcome="refused")
    assert [row["resource"] for row in rows] == [PATH] * 3
    for username in ("adam", "tom"):
        assert (await refused(api, username, ward="north")).status_code == 403
    assert (await refused(api, None, ward="north")).status_code == 401
    async with events(api, "nina", patient="p-north1") as nina:
        await nina.hear("subscribed")
    granted = await api.audit(action="watch", actor="nina", outcome="granted")
    assert {row["patient_id"] for row in granted} == {api.hospital.patients["p-north1"]}


async def test_what_makes_no_sense_is_refused(api: System) -> None:
    for query in (
        {},
        {"patient": "p-north1", "ward": "north"},
        {"ward": "north", "what": "waveforms"},
        {"ward": "north", "what": "everything"},
        {"ward": "north", "since": "yesterday"},
        {"patient": "1; drop table"},
    ):
        answer = await refused(api, "nina", **query)
        assert answer.status_code in (400, 422), (query, answer.text)


async def test_an_ended_relation_ends_the_stream_with_a_reason(api: System) -> None:
    async with events(api, "nina", ward="north") as nina:
        await nina.hear("subscribed")
        await api.end_membership("nina")
        assert await nina.hear("closed") == {
            "kind": "closed",
            "code": 4003,
            "reason": "relation_ended",
        }


async def test_streams_count_as_live_connections(start_api: StartApi) -> None:
    async with (
        start_api(live_clients_a_user_most=1) as api,
        events(api, "nina", ward="north") as nina,
    ):
        await nina.hear("subscribed")
        answer = await refused(api, "nina", ward="north")
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
