"""From values on the stream to rows and events, with people, limits, silence and lost servers."""

import asyncio
from functools import partial

import pytest

from shared.contracts.actions import Acknowledge, PauseSound
from shared.contracts.events import Event, EventKind, Severity, event_id
from shared.contracts.formats import ACTION_V1, EVENT_V1, VITALS_V1
from shared.contracts.measures import Measure
from shared.contracts.names import Exchange
from shared.contracts.quality import Validity
from shared.contracts.vitals import encode_vitals
from shared.runtime.clock import SystemClock
from tests.harness.eventually import eventually as eventually_within
from tests.harness.tcp_proxy import TcpProxy
from tests.integration.alarms.system import SECOND, System, table_of, value_row

# A state is waited for, not a time: a busy machine may take long.
eventually = partial(eventually_within, within_s=30)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def now_us() -> int:
    return SystemClock().now_us()


def steady(
    patient: int, device: int, start: int, seconds: int, measure: Measure, value: float
) -> list[tuple[int | float, ...]]:
    return [value_row(patient, device, start + n * SECOND, measure, value) for n in range(seconds)]


async def test_an_alarm_from_its_onset_to_its_end(system: System) -> None:
    patient, device = await system.admit("aaaaa")
    start = now_us()
    async with system.following_events():
        replica = system.start()
        await system.send_values(table_of(steady(patient, device, start, 11, Measure.SPO2, 84)))
        raised = (await eventually(lambda: system.told("spo2_low", "active")))[0]
        assert raised.patient == patient
        assert raised.severity == "medium"
        assert raised.data["value"] == 84
        assert raised.data["limit"] == 90
        assert raised.data["relation"] == "<"
        assert raised.data["since"] == start
        assert raised.data["limit_source"].startswith("default")

        async def is_saved() -> bool:
            return bool((await system.rows()).get(raised.data["id"]) == raised.data)

        await eventually(is_saved)

        # The worst value is told; then acknowledged by a person, once by the action's id.
        await system.send_values(
            table_of(steady(patient, device, start + 20 * SECOND, 1, Measure.SPO2, 82))
        )
        await eventually(
            lambda: [e for e in system.told("spo2_low", "active") if e.data["value"] == 82]
        )
        action = Acknowledge(
            id="action-1", alarm=raised.data["id"], by=7, by_name="Nurse A", at=now_us()
        )
        await system.ask(action)
        await system.ask(action)
        seen = (await eventually(lambda: system.told("spo2_low", "acknowledged")))[0]
        assert seen.data["acknowledged_by"] == "Nurse A"

        # Back inside by the hysteresis for the clear time: it is of the past.
        await system.send_values(
            table_of(steady(patient, device, start + 30 * SECOND, 7, Measure.SPO2, 96))
        )
        ended = (await eventually(lambda: system.told("spo2_low", "ended")))[0]
        assert ended.data["id"] == raised.data["id"]
        assert len(system.told("spo2_low", "acknowledged")) == 1
        assert await asyncio.to_thread(replica.stop) == 0
    outcomes = await system.run_sql("select array_agg(outcome) from alarm.action")
    assert outcomes == ["done"]
    assert await system.run_sql("select count(*) from alarm.outbox") == 0


async def test_a_high_alarm_stays_until_it_is_seen(system: System) -> None:
    patient, device = await system.admit("bbbbb")
    start = now_us()
    async with system.following_events():
        system.start()
        values = steady(patient, device, start, 1, Measure.SPO2, 75)
        values += steady(patient, device, start + SECOND, 8, Measure.SPO2, 97)
        await system.send_values(table_of(values))
        latched = (await eventually(lambda: system.told("spo2_desaturation", "cleared")))[0]
        await system.ask(
            Acknowledge(id="a", alarm=latched.data["id"], by=7, by_name="Nurse A", at=now_us())
        )
        ended = (await eventually(lambda: system.told("spo2_desaturation", "ended")))[0]
        assert ended.data["ended_because"] == "seen"
        assert ended.data["acknowledged_by"] == "Nurse A"


async def test_limits_of_the_patient_are_used_within_seconds(system: System) -> None:
    patient, device = await system.admit("ccccc")
    async with system.following_events():
        system.start()
        await eventually(lambda: system.run_sql("select count(*) from alarm.limit_in_force"))
        await system.run_sql(
            "insert into registry.alarm_limit (patient_id, measure, low, high, delay_s, changed_by)"
            " values ($1, 'heart_rate', 60, 100, 2, 'test')",
            patient,
        )

        async def is_in_force() -> bool:
            return bool(
                await system.run_sql(
                    "select true from alarm.limit_in_force where high = 100 and source = 'patient'"
                )
            )

        await eventually(is_in_force)
        values = steady(patient, device, now_us(), 4, Measure.HEART_RATE, 104)
        await system.send_values(table_of(values))
        raised = (await eventually(lambda: system.told("heart_rate_high", "active")))[0]
        assert raised.data["limit"] == 100
        assert raised.data["limit_source"] == "patient"
        await system.run_sql("update registry.alarm_limit set enabled = false")
        ended = (await eventually(lambda: system.told("heart_rate_high", "ended")))[0]
        assert ended.data["ended_because"] == "switched_off"


async def test_doubtful_values_raise_nothing_and_mark_what_stands(system: System) -> None:
    patient, device = await system.admit("ddddd")
    start = now_us()

    def doubtful(t: int, value: float) -> tuple[int | float, ...]:
        return value_row(
            patient, device, t, Measure.HEART_RATE, value, validity=Validity.QUESTIONABLE
        )

    async with system.following_events():
        system.start()
        values = [doubtful(start + n * SECOND, 150) for n in range(20)]
        values += steady(patient, device, start + 20 * SECOND, 5, Measure.HEART_RATE, 150)
        values += [doubtful(start + 25 * SECOND, 80)]
        await system.send_values(table_of(values))
        unsure = await eventually(
            lambda: [
                event
                for event in system.told("heart_rate_extreme_high", "active")
                if event.data["unsure"]
            ]
        )
        assert unsure[0].data["since"] == start + 20 * SECOND


async def test_silence_is_an_alarm_that_new_data_ends(system: System) -> None:
    patient, device = await system.admit("eeeee")
    await system.run_sql("update registry.assignment set starts = now() - interval '1 hour'")
    async with system.following_events():
        system.start()
        # Heard 56 s ago: the silence of 60 s is over in a few seconds.
        await system.send_values(
            table_of(steady(patient, device, now_us() - 56 * SECOND, 1, Measure.SPO2, 97))
        )
        stopped = (await eventually(lambda: system.told("data_stopped", "active")))[0]
        assert stopped.data["kind"] == "technical"
        assert stopped.device == device
        await system.send_values(table_of(steady(patient, device, now_us(), 1, Measure.SPO2, 97)))
        await eventually(lambda: system.told("data_stopped", "ended"))


async def test_a_lead_that_is_off_and_on(system: System) -> None:
    patient, device = await system.admit("fffff")
    async with system.following_events():
        system.start()
        for kind in (EventKind.LEAD_OFF, EventKind.LEAD_ON):
            await system.send_event(
                Event(
                    id=event_id("test", kind),
                    t=now_us(),
                    kind=kind,
                    severity=Severity.LOW,
                    source="test",
                    text_key=kind.value,
                    device=device,
                )
            )
        off = (await eventually(lambda: system.told("lead_off", "active")))[0]
        assert off.patient == patient
        await eventually(lambda: system.told("lead_off", "ended"))


async def test_a_pause_rests_the_sound_until_something_new_comes(system: System) -> None:
    patient, device = await system.admit("ggggg")
    start = now_us()
    async with system.following_events():
        system.start()
        await system.send_values(table_of(steady(patient, device, start, 11, Measure.SPO2, 85)))
        await eventually(lambda: system.told("spo2_low", "active"))
        until = now_us() + 120 * SECOND
        await system.ask(
            PauseSound(id="p", patient=patient, until=until, by=7, by_name="Nurse A", at=now_us())
        )
        await eventually(
            lambda: [
                e for e in system.told("spo2_low", "active") if e.data["paused_until"] == until
            ]
        )
        await system.send_values(
            table_of(steady(patient, device, now_us() + SECOND, 5, Measure.HEART_RATE, 150))
        )
        new = (await eventually(lambda: system.told("heart_rate_extreme_high", "active")))[0]
        assert new.data["paused_until"] is None

        def sounds_again() -> bool:
            newest = max(
                (event for event in system.events if event.data["condition"] == "spo2_low"),
                key=lambda event: event.data["revision"],
            )
            return newest.data["paused_until"] is None

        await eventually(sounds_again)


async def test_bad_messages_harm_nothing_else(system: System) -> None:
    patient, device = await system.admit("iiiii")
    async with system.following_events():
        replica = system.start()
        # Of a moment to come, so that no silence comes between.
        ahead = now_us() + 30 * SECOND
        good = table_of(steady(patient, device, ahead, 1, Measure.SPO2, 70))
        unknown = good.copy()
        unknown["measure"], unknown["validity"] = 999, 77
        future = good.copy()
        future["t"] = future["received"] = 2**62
        lane = system.lane_of(patient)
        body = encode_vitals(good)
        for bad in (b"", b"VWV1", body[:-1], body + b"x", b"XXXX" + body[4:], b"{}"):
            await system.send_raw(Exchange.VITALS, str(lane), VITALS_V1, bad)
            await system.send_raw(Exchange.EVENTS, "events", EVENT_V1, bad)
            await system.send_raw(Exchange.ACTIONS, "alarm_actions", ACTION_V1, bad)
        await system.send_values(unknown)
        await system.send_values(future)
        await system.send_values(good)
        raised = await eventually(lambda: system.told("spo2_desaturation", "active"))
        unknown_alarm = Acknowledge(id="x", alarm="none", by=7, by_name="Nurse A", at=now_us())
        seen = Acknowledge(id="y", alarm=raised[0].data["id"], by=7, by_name="Nurse A", at=now_us())
        await system.ask(unknown_alarm)
        await system.ask(seen)
        await eventually(lambda: system.told("spo2_desaturation", "acknowledged"))
        assert replica.process.poll() is None
        told = {event.data["condition"] for event in system.events}
        assert told == {"spo2_desaturation"}, "the future has ended no delay and no silence"


async def test_a_lane_that_another_process_saved_is_read_again(system: System) -> None:
    patient, device = await system.admit("jjjjj")
    start = now_us()
    async with system.following_events():
        replica = system.start()
        values = steady(patient, device, start, 11, Measure.SPO2, 85)
        await system.send_values(table_of(values))
        first = (await eventually(lambda: system.told("spo2_low", "active")))[0]
        # Another owner, who went on from there: this one must not write over what he did.
        await system.run_sql("update alarm.lane set saves = saves + 7")
        values = steady(patient, device, start + 11 * SECOND, 1, Measure.SPO2, 75)
        await system.send_values(table_of(values))
        await eventually(lambda: system.told("spo2_desaturation", "active"))
        # Where PostgreSQL is slow, an alarm is told before it is saved: the save is what fails.
        await eventually(lambda: "lane_saved_by_another" in replica.said())

        async def both_are_saved() -> bool:
            rows = await system.rows()
            found = {row["condition"] for row in rows.values()}
            assert found == {"spo2_low", "spo2_desaturation"}
            return bool(rows[first.data["id"]]["since"] == start)

        await eventually(both_are_saved)


async def test_alarms_are_told_while_postgresql_is_away(
    system: System, database_link: TcpProxy
) -> None:
    patient, device = await system.admit("hhhhh")
    async with system.following_events():
        system.start()
        await eventually(lambda: system.run_sql("select count(*) from alarm.limit_in_force"))
        database_link.refuse = True
        database_link.cut()
        await system.send_values(table_of(steady(patient, device, now_us(), 1, Measure.SPO2, 70)))
        told = (await eventually(lambda: system.told("spo2_desaturation", "active")))[0]
        assert await system.rows() == {}
        database_link.refuse = False

        async def is_saved() -> bool:
            return bool((await system.rows()).get(told.data["id"]) == told.data)

        await eventually(is_saved)
        assert len([e for e in system.events if e.id == told.id]) == 1
