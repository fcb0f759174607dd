"""Each kind of message in the AsyncAPI document is really told, and no other."""

from functools import partial

from shared.contracts.events import Event, EventKind, Severity
from tests.integration.api.conftest import StartApi
from tests.integration.api.live_schemas import STREAMED, TOLD
from tests.integration.api.system import System
from tests.integration.api.test_live import heard_while, lead_off, now_us
from tests.integration.api.test_live_sse import events

OWN_STREAMS = True


async def send_samples(api: System, samples: list[int]) -> None:
    await api.publish_frame("ecg-north1", samples, t0_us=now_us())


async def test_every_kind_of_the_document_is_told_by_a_real_api(start_api: StartApi) -> None:
    # What does not fit into the queue is a gap at once.
    async with start_api(live_queue_waveform_bytes_most=4_096) as api, api.live("nina") as nina:
        heard = {"auth"}

        async def hear(kind: str) -> None:
            await nina.hear(kind)
            heard.add(kind)

        await nina.say(op="ping")
        await hear("pong")
        await nina.say(op="dance")
        await hear("error")
        everything = ["vitals", "alarms", "events", "waveforms", "beats"]
        await nina.say(op="subscribe", id="a", ward="north", what=everything, format="json")
        await hear("subscribed")
        told = ["vitals", "alarms", "events", "beats"]
        async with events(api, "nina", ward="north", what=told) as stream:
            # The tail may not stand at the streams yet: it begins with what comes then.
            for kind, samples in (("waveform", [1, 2]), ("gap", [3] * 5_000)):
                await heard_while(partial(send_samples, api, samples), partial(hear, kind))
            await heard_while(
                lambda: api.publish_vital("p-north1", "ecg-north1", value=71.0, t_us=now_us()),
                lambda: hear("vitals"),
            )
            await heard_while(
                lambda: api.publish_beat("ecg-north1", t_us=now_us()), lambda: hear("beats")
            )
            await api.publish_event(lead_off(api, 1))
            await api.publish_event(
                Event(
                    id="alarm-1",
                    t=now_us(),
                    kind=EventKind.ALARM,
                    severity=Severity.MEDIUM,
                    source="alarms",
                    text_key="spo2_low",
                    patient=api.hospital.patients["p-north1"],
                    data=api.alarm_data("a1", "p-north1", since_us=1_000_000),
                )
            )
            await hear("event")
            await hear("alarm")
            await api.database.execute(
                "update registry.stay set ends = now() where patient_id = $1",
                api.hospital.patients["p-north2"],
            )
            await hear("patients")
            await hear("state")
            await nina.say(op="unsubscribe", id="a")
            await hear("unsubscribed")
            assert heard == TOLD.keys()

            # Two clients of one process are told one after the other.
            await stream.hear_each(STREAMED.keys() - {"closed", "error"})
            await api.end_membership("nina")
            await stream.hear("closed")
            streamed = {kind for kind, _ in stream.heard}
            # `error` follows when what was missed cannot be told.
            assert streamed == STREAMED.keys() - {"error"}
