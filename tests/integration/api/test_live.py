"""The live socket on the real streams."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from shared.contracts.events import Event, EventKind, Severity
from tests.harness.ended import ended
from tests.integration.api.conftest import StartApi
from tests.integration.api.system import LiveClient, System, blocks_in

OWN_STREAMS = True


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
        await ended(publishing)


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
            "order": 1,
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


async def test_a_beat_goes_from_the_stream_to_who_watches_and_to_nobody_else(api: System) -> None:
    async with api.live("nina") as nina, api.live("sven") as sven:
        await nina.say(op="subscribe", id="a", ward="north", what=["beats"])
        await sven.say(op="subscribe", id="b", ward="south", what=["beats"])
        await sven.say(op="subscribe", id="c", patients=["p-north1"], what=["beats"])
        await nina.hear("subscribed", id="a")
        await sven.hear("subscribed", id="b")
        assert (await sven.hear("error", id="c"))["code"] == "not_found"

        async def beat() -> None:
            await api.publish_beat("ecg-north1", t_us=1_000)  # of who wore it long ago
            await api.publish_beat("ecg-north1", t_us=now_us())

        message = await heard_while(beat, lambda: nina.hear("beats", id="a"))

        assert message["items"][0] | {"t": 0} == {
            "patient": "p-north1",
            "device": "ecg-north1",
            "t": 0,
            "kind": "r_peak",
            "class": "V",
            "rr_ms": 800.0,
            "quality": 0.9,
            "revision": 0,
        }
        assert not [one for one in message["items"] if one["t"].startswith("1970")]
        await sven.hear("state")
        assert not [text for text in sven.texts if text["kind"] == "beats"]


async def test_the_page_is_filled_at_once_from_the_database(api: System) -> None:
    await api.store_vitals("p-north1", "ecg-north1", [66.0, 67.0], t0_us=now_us() - 20_000_000)
    async with api.live("nina") as nina:
        await nina.say(op="subscribe", id="a", patients=["p-north1"], what=["vitals"])
        message = await nina.hear("vitals")
        assert [item["value"] for item in message["items"]] == [67.0]


async def closed_with(client: LiveClient, within_s: float = 60.0) -> int:
    """The code with which the server closes the socket."""

    async def receive_all() -> None:
        while True:
            await client.socket.recv()

    with pytest.raises(ConnectionClosed) as closed:
        async with asyncio.timeout(within_s):
            await receive_all()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


async def test_without_a_good_token_first_the_socket_is_closed(api: System) -> None:
    for first in ('{"op":"ping"}', '{"op":"auth","token":"x.y.z"}', "nonsense", b"\x00"):
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


async def test_another_rate_is_reached_by_whole_factors_with_the_peak_in_place(
    api: System,
) -> None:
    start_us = now_us()
    sent = 0
    wave = [round(1_000 * math.sin(2 * math.pi * 5 * i / 250)) for i in range(250)]

    async def send_second() -> None:
        nonlocal sent
        await api.publish_frame("ecg-north1", wave, t0_us=start_us + sent * 1_000_000)
        sent += 1

    async with api.live("nina") as nina:
        await nina.say(
            op="subscribe", id="w", ward="north", what=["waveforms"], streams=["ecg"], rate=100
        )
        await nina.hear("subscribed")
        got: list[int] = []
        header: dict[str, Any] = {}
        while len(got) < 240:
            for block, samples in await heard_while(send_second, nina.hear_samples):
                header = header or block
                got += samples
        assert header["hz"] == pytest.approx(250 / 3, abs=0.01)
        expected = [
            wave[(round((header["t0"] - start_us) / 4_000) + 3 * i) % 250] for i in range(len(got))
        ]
        inner = slice(20, 200)
        worst = max(abs(a - b) for a, b in zip(got[inner], expected[inner], strict=True))
        assert worst < 30


async def test_text_is_for_those_who_ask_for_it(api: System) -> None:
    start_us = now_us()
    sent = 0

    async def send_second() -> None:
        nonlocal sent
        await api.publish_frame("ecg-north1", [1, -32_768, 3], t0_us=start_us + sent * 12_000)
        sent += 1

    async with api.live("nina") as nina:
        await nina.say(op="subscribe", id="w", ward="north", what=["waveforms"], format="json")
        message = await heard_while(send_second, lambda: nina.hear("waveform"))
        assert message["values"] == [[1, None, 3]]


def lead_off(api: System, number: int, patient: str = "p-north1") -> Event:
    return Event(
        id=f"event-{number}",
        t=now_us(),
        kind=EventKind.LEAD_OFF,
        severity=Severity.LOW,
        source="gateway",
        text_key="lead_off",
        device=api.hospital.devices[f"ecg-{patient[2:]}"],
        patient=api.hospital.patients[patient],
        data={"number": number},
    )


async def test_events_and_alarms_are_told_with_a_cursor(api: System) -> None:
    async with api.live("nina") as nina, api.live("sven") as sven:
        for client, ward in ((nina, "north"), (sven, "south")):
            await client.say(op="subscribe", id="e", ward=ward, what=["events", "alarms"])
            await client.hear("subscribed")
        await api.publish_event(lead_off(api, 1))
        alarm = api.alarm_data("a1", "p-north1", since_us=1_000_000)
        await api.publish_event(
            Event(
                id="alarm-1",
                t=now_us(),
                kind=EventKind.ALARM,
                severity=Severity.MEDIUM,
                source="alarms",
                text_key="spo2_low",
                patient=api.hospital.patients["p-north1"],
                data=alarm,
            )
        )

        event = await nina.hear("event")
        told = await nina.hear("alarm")

        assert event["cursor"] == "1.0"
        assert event["item"]["data"] == {"number": 1}
        assert (event["item"]["patient"], event["item"]["device"]) == ("p-north1", "ecg-north1")
        assert told["cursor"] == "1.1"
        assert told["item"]["patient"] == "p-north1"
        assert (told["item"]["ward"], told["item"]["bed"]) == ("north", "01")
        assert told["item"]["since"] == "1970-01-01T00:00:01.000000Z"
        await sven.hear("state")
        assert not [text for text in sven.texts if text["kind"] in ("event", "alarm")]


async def test_unsubscribed_is_silent(api: System) -> None:
    async with api.live("nina") as nina:
        await nina.say(op="subscribe", id="a", ward="north", what=["vitals"])
        await nina.hear("subscribed")
        await nina.say(op="unsubscribe", id="a")
        await nina.hear("unsubscribed", id="a")
        await nina.say(op="unsubscribe", id="a")
        assert (await nina.hear("error", id="a"))["code"] == "not_found"


async def test_a_newer_token_goes_on_and_another_users_does_not(api: System) -> None:
    async with api.live("nina") as nina:
        await nina.say(op="auth", token=await api.token("nina"))
        await nina.hear("auth")
        await nina.say(op="auth", token=await api.token("sven"))
        assert await closed_with(nina) == 4003


async def test_who_is_laid_into_the_ward_is_seen_without_a_new_subscription(
    api: System,
) -> None:
    async with api.live("nina") as nina:
        await nina.say(op="subscribe", id="a", ward="north", what=["vitals"])
        await nina.hear("subscribed")
        await api.database.execute(
            "insert into registry.stay (patient_id, bed_id) select $1, b.id from registry.bed b "
            "join registry.ward w on w.id = b.ward_id where w.key = 'north' and b.key = '03'",
            api.hospital.patients["p-home01"],
        )
        message = await heard_while(
            lambda: api.publish_vital("p-home01", "ecg-home01", value=61.0, t_us=now_us()),
            lambda: nina.hear("vitals"),
        )
        assert message["items"][0]["patient"] == "p-home01"
        watched = await api.audit(
            action="watch", actor="nina", patient_id=api.hospital.patients["p-home01"]
        )
        assert len(watched) == 1


async def test_too_many_of_everything_is_refused(start_api: StartApi) -> None:
    async with (
        start_api(
            live_clients_a_user_most=1,
            live_clients_most=2,
            live_subscriptions_most=1,
            live_patients_most=1,
            live_message_bytes_most=1_024,
        ) as api,
        api.live("nina") as nina,
    ):
        await nina.say(op="subscribe", id="a", ward="north", what=["vitals"])
        assert (await nina.hear("error"))["code"] == "invalid"
        await nina.say(op="subscribe", id="a", patients=["p-north1"], what=["vitals"])
        await nina.hear("subscribed")
        await nina.say(op="subscribe", id="b", patients=["p-north1"], what=["vitals"])
        assert (await nina.hear("error"))["code"] == "invalid"
        async with api.live() as second:
            await second.say(op="auth", token=await api.token("nina"))
            assert await closed_with(second) == 1013
        await nina.say(op="ping", filler="x" * 2_000)
        assert await closed_with(nina) == 1009


def test_blocks_are_found_in_a_bundle() -> None:
    header = b'{"s":1,"t0":5,"n":1}  '
    block = b"\x01" + len(header).to_bytes(2, "little") + header + b"\x01\x00"
    assert blocks_in(block) == [({"s": 1, "t0": 5, "n": 1}, [1])]
