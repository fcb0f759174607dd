"""The live socket on the real streams."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.integration.api.conftest import StartApi
from tests.integration.api.system import LiveClient, System, blocks_in


def now_us() -> int:
    return time.time_ns() // 1_000


async def heard_while(
    again: Callable[[], Awaitable[None]], heard: Callable[[], Awaitable[Any]]
) -> Any:
    """What is heard while something is published again and again (the tail begins at 'next')."""

    async def publish() -> None:
        while True:
            await again()
            await asyncio.sleep(0.2)

    publishing = asyncio.ensure_future(publish())
    try:
        return await heard()
    finally:
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)


async def test_a_value_goes_from_the_stream_to_who_watches_and_to_nobody_else(
    api: System,
) -> None:
    async with api.live("nina") as nina, api.live("sven") as sven:
        await nina.say(op="subscribe", id="a", ward="north", what=["vitals"])
        await sven.say(op="subscribe", id="b", ward="south", what=["vitals"])
        subscribed = await nina.hear("subscribed", id="a")
        assert subscribed["patients"] == ["p-north1", "p-north2"]
        await sven.hear("subscribed", id="b")

        message = await heard_while(
            lambda: api.publish_vital("p-north1", "ecg-north1", value=71.25, t_us=now_us()),
            lambda: nina.hear("vitals", id="a"),
        )

        item = message["items"][0]
        assert item | {"t": 0} == {
            "patient": "p-north1",
            "device": "ecg-north1",
            "measure": "heart_rate",
            "t": 0,
            "value": 71.25,
            "quality": 0.9,
            "validity": "valid",
            "method": "ecg_beat_intervals",
            "source": "computed",
            "revision": 0,
            "reason": None,
        }
        state = await sven.hear("state")
        assert state["kind"] == "state"
        assert not [text for text in sven.texts if text["kind"] == "vitals"]


async def test_samples_come_as_binary_blocks_with_a_header_once(api: System) -> None:
    start_us = now_us()
    sent = 0

    async def send_second() -> None:
        nonlocal sent
        await api.publish_frame("ecg-north1", [sent] * 250, t0_us=start_us + sent * 1_000_000)
        sent += 1

    async with api.live("nina") as nina:
        await nina.say(
            op="subscribe", id="w", patients=["p-north1"], what=["waveforms"], streams=["ecg"]
        )
        await nina.hear("subscribed")
        first = await heard_while(send_second, nina.hear_samples)
        following = await heard_while(send_second, nina.hear_samples)

        header, samples = first[0]
        assert header["patient"] == "p-north1"
        assert (header["hz"], header["scale"], header["unit"]) == (250, 0.001, "mV")
        assert header["channels"] == ["I"]
        assert samples == [(header["t0"] - start_us) // 1_000_000] * 250
        assert set(following[0][0]) == {"s", "t0", "n"}
        state = await nina.hear("state")
        while not state["sources"]:
            state = await nina.hear("state")
        assert state["simulated"] is True
        assert state["sources"][0]["stream"] == "ecg"


async def test_the_page_is_filled_at_once_from_the_database(api: System) -> None:
    await api.store_vitals("p-north1", "ecg-north1", [66.0, 67.0], t0_us=now_us() - 20_000_000)
    async with api.live("nina") as nina:
        await nina.say(op="subscribe", id="a", patients=["p-north1"], what=["vitals"])
        message = await nina.hear("vitals")
        assert [item["value"] for item in message["items"]] == [67.0]


async def closed_with(client: LiveClient, within_s: float = 5.0) -> int:
    async with asyncio.timeout(within_s):
        while True:
            try:
                await client.socket.recv()
            except ConnectionClosed as closed:
                assert closed.rcvd is not None
                return closed.rcvd.code


@pytest.mark.parametrize("first", ['{"op":"ping"}', '{"op":"auth","token":"x.y.z"}', "nonsense"])
async def test_without_a_good_token_first_the_socket_is_closed(api: System, first: str) -> None:
    async with api.live() as stranger:
        await stranger.socket.send(first)
        assert await closed_with(stranger) == 4001


async def test_who_says_nothing_is_closed_in_time(start_api: StartApi) -> None:
    async with start_api(live_auth_s=0.3) as api, api.live() as silent:
        assert await closed_with(silent) == 4001


async def test_another_teams_patient_is_not_found_and_that_is_written_down(api: System) -> None:
    async with api.live("nina") as nina:
        for asked in ({"patients": ["p-south1"]}, {"ward": "south"}, {"patients": ["p-zzzzz"]}):
            await nina.say(op="subscribe", id="a", what=["vitals"], **asked)
            error = await nina.hear("error", id="a")
            assert error["code"] == "not_found"
    assert len(await api.audit(action="watch", actor="nina", outcome="refused")) == 3


async def test_an_ended_relation_closes_the_socket(api: System) -> None:
    async with api.live("nina") as nina:
        await nina.say(op="subscribe", id="a", patients=["p-north1"], what=["vitals"])
        await nina.hear("subscribed")
        await api.end_membership("nina")
        assert await closed_with(nina) == 4003


async def test_log_out_closes_the_socket(api: System) -> None:
    async with api.live("nina") as nina:
        await nina.say(op="subscribe", id="a", patients=["p-north1"], what=["vitals"])
        await nina.hear("subscribed")
        await api.http.post("/v1/token/revoke")
        assert await closed_with(nina) == 4001


async def test_an_expired_token_closes_the_socket(start_api: StartApi) -> None:
    async with start_api(api_access_token_s=30) as api, api.live("nina") as nina:
        await api.database.execute(
            "update access.session set expires_at = now() + interval '10 milliseconds'"
        )
        assert await closed_with(nina) == 4001


async def test_ping_is_answered_and_nonsense_told(api: System) -> None:
    async with api.live("nina") as nina:
        await nina.say(op="ping")
        await nina.hear("pong")
        for message in (
            {"op": "dance"},
            {"op": "subscribe", "id": "a", "what": ["vitals"]},
            {
                "op": "subscribe",
                "id": "a",
                "patients": ["p-north1"],
                "ward": "n",
                "what": ["vitals"],
            },
            {"op": "subscribe", "id": "a", "ward": "north", "what": []},
            {"op": "subscribe", "id": "a", "ward": "north", "what": ["vitals"], "streams": ["x"]},
            {"op": "subscribe", "id": "a", "ward": "north", "what": ["vitals"], "since": "x"},
        ):
            await nina.say(**message)
            assert (await nina.hear("error"))["code"] == "invalid"


async def test_roles_without_clinical_rights_watch_nothing(api: System) -> None:
    for username in ("adam", "tom"):
        async with api.live(username) as client:
            await client.say(op="subscribe", id="a", ward="north", what=["vitals"])
            assert (await client.hear("error"))["code"] == "forbidden"


def test_blocks_are_found_in_a_bundle() -> None:
    assert blocks_in(b"\x01\x05\x00{}   \x01\x00") == [({}, [1])]
