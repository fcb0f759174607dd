import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.api.core.cursors import FeedCursor
from services.api.core.sight import BedName, SeenPatient, WardName, WornDevice
from services.api.live.client_queue import ClientQueue
from services.api.live.clients import Client
from services.api.live.hub import Hub
from services.api.live.items import FeedItem, VitalItem, VitalRow, vital_item
from services.api.live.subscriptions import Subscribe, What
from services.api.live.waiting import QueueBounds
from shared.contracts.beats import BEAT, BeatBatch
from shared.contracts.events import Event, EventKind, Severity
from shared.contracts.frames import Frame, FrameBatch, decode_frames, encode_frames
from shared.contracts.identity import DeviceKey, PatientKey
from shared.contracts.vitals import VitalBatch, vital_table


def patient(number: int, *devices: int) -> SeenPatient:
    return SeenPatient(
        id=PatientKey(number),
        key=f"p-{number:05d}",
        initials="AB",
        ward=WardName(key="north", name="North"),
        bed=BedName(key="01", label="Bed 01"),
        devices=tuple(
            WornDevice(id=DeviceKey(device), device=f"dev-{device}", model="m", simulated=False)
            for device in devices
        ),
    )


def sight(patients: Iterable[SeenPatient]) -> dict[PatientKey, SeenPatient]:
    return {one.id: one for one in patients}


def client(hub: Hub) -> Client:
    made = Client(queue=ClientQueue(QueueBounds()), notify=lambda: None)
    hub.add(made)
    return made


def subscribe(
    hub: Hub, to: Client, patients: Iterable[SeenPatient], *what: What, name: str = "a"
) -> None:
    wanted = list(patients)
    asked = Subscribe(
        id=name,
        patients=tuple(one.key for one in wanted),
        what=frozenset(what or (What.VITALS, What.EVENTS, What.ALARMS, What.WAVEFORMS)),
    )
    subscription = hub.prepare(to, asked, sight(wanted))
    hub.start(subscription, vitals={})
    assert hub.follow_feed(subscription, most=1_000)
    to.queue.take()


def vitals(*rows: tuple[int, int, int, float]) -> VitalBatch:
    """(t, patient, device, value)."""
    return VitalBatch(
        vital_table(
            (t, t, device, number, value, 0.9, 1, 0, 0, 1, 0) for t, number, device, value in rows
        )
    )


def frames(*rows: tuple[int, int]) -> FrameBatch:
    """(device, t0)."""
    batch = decode_frames(
        encode_frames(
            [
                Frame(
                    device=device,
                    boot=1,
                    n=index,
                    part=0,
                    stream=1,
                    t0=t0,
                    interval_ns=4_000_000,
                    received=t0,
                    flags=0,
                    channels=1,
                    format=1,
                    place=0,
                    scale=0.001,
                    offset=0.0,
                    samples=np.full(250, device, dtype="<i2").tobytes(),
                )
                for index, (device, t0) in enumerate(rows)
            ]
        )
    )
    assert isinstance(batch, FrameBatch)
    return batch


def beats(*rows: tuple[int, int]) -> BeatBatch:
    """(device, t)."""
    return BeatBatch(np.array([(t, device, 800.0, 0.9, 0, 1, 3) for device, t in rows], dtype=BEAT))


def event(number: int, of_patient: int | None, device: int | None = None) -> FeedItem:
    return FeedItem(
        cursor=FeedCursor(1, number),
        event=Event(
            id=f"e{number}",
            t=number,
            kind=EventKind.LEAD_OFF,
            severity=Severity.LOW,
            source="gateway",
            text_key="lead_off",
            patient=of_patient,
            device=device,
        ),
    )


def texts(of: Client, kind: str) -> list[dict[str, Any]]:
    heard = [json.loads(m) for m in of.queue.take() if isinstance(m, str)]
    return [message for message in heard if message["kind"] == kind]


def item(t_us: int, value: float) -> VitalItem:
    made = vital_item(
        VitalRow(
            t=t_us, value=value, quality=0.9, measure=1, revision=0, validity=0, method=1, flags=0
        ),
        patient="p-00001",
        device="dev-11",
    )
    assert made is not None
    return made


def test_values_go_to_those_who_watch_the_patient() -> None:
    hub = Hub(ring_events=10)
    one, other = client(hub), client(hub)
    subscribe(hub, one, [patient(1, 11)])
    subscribe(hub, other, [patient(2, 22)])

    hub.put_vitals(vitals((5, 1, 11, 70.0), (5, 3, 33, 80.0)))

    assert [m["items"][0]["value"] for m in texts(one, "vitals")] == [70.0]
    assert texts(other, "vitals") == []


def test_what_late_data_corrects_does_not_replace_a_newer_value() -> None:
    hub = Hub(ring_events=10)
    one = client(hub)
    subscribe(hub, one, [patient(1, 11)])
    hub.put_vitals(vitals((20, 1, 11, 72.0), (5, 1, 11, 60.0)))
    hub.put_vitals(vitals((6, 1, 11, 61.0)))
    assert [m["items"][0]["value"] for m in texts(one, "vitals")] == [72.0]
    hub.put_vitals(vitals((20, 1, 11, 73.0)))  # a revision of the newest itself
    assert [m["items"][0]["value"] for m in texts(one, "vitals")] == [73.0]


def test_an_absent_or_unknown_value_is_no_number() -> None:
    hub = Hub(ring_events=10)
    one = client(hub)
    subscribe(hub, one, [patient(1, 11)])
    table = vital_table(
        [
            (1, 1, 11, 1, float("nan"), 0.0, 1, 0, 3, 1, 8),
            (1, 1, 11, 1, 50.0, 0.9, 99, 0, 0, 1, 0),
        ]
    )
    hub.put_vitals(VitalBatch(table))
    (message,) = texts(one, "vitals")
    assert [(i["value"], i["validity"], i["reason"]) for i in message["items"]] == [
        (None, "absent", "lead_off")
    ]


def test_samples_go_to_those_who_watch_the_device_and_repeats_to_nobody() -> None:
    hub = Hub(ring_events=10)
    one, other = client(hub), client(hub)
    subscribe(hub, one, [patient(1, 11)])
    subscribe(hub, other, [patient(2, 22)])

    hub.put_frames(frames((11, 0), (33, 0)))
    hub.put_frames(frames((11, 0)))

    assert sum(isinstance(message, bytes) for message in one.queue.take()) == 1
    assert other.queue.take() == []


def test_between_snapshot_and_feed_nothing_is_lost_or_told_twice() -> None:
    hub = Hub(ring_events=10)
    hub.begin_feed(FeedCursor(1, 4))
    one = client(hub)
    asked = Subscribe(id="a", patients=("p-00001",), what=frozenset(What), since="1.2")
    subscription = hub.prepare(one, asked, sight([patient(1, 11)]))
    hub.put_vitals(vitals((20, 1, 11, 72.0)))
    hub.put_event(event(5, 1))
    hub.start(subscription, vitals={PatientKey(1): [item(10, 60.0)]})
    hub.put_event(event(6, 1))
    hub.replay(
        subscription, [event(2, 1), event(3, 1), event(4, 1)], up_to=FeedCursor(1, 4), whole=True
    )
    assert hub.follow_feed(subscription, most=10)
    hub.put_event(event(7, 1))

    heard = [json.loads(message) for message in one.queue.take() if isinstance(message, str)]

    assert [m["kind"] for m in heard] == ["subscribed", *["event"] * 5, "vitals"]
    assert [m["cursor"] for m in heard[:6]] == ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"]
    assert [i["value"] for i in heard[6]["items"]] == [72.0]


def test_the_state_tells_the_place_of_the_feed_only_to_who_was_told_all_of_it() -> None:
    hub = Hub(ring_events=10)
    hub.begin_feed(FeedCursor(1, 4))
    one = client(hub)
    hub.tell_state(1)
    assert [state["cursor"] for state in texts(one, "state")] == [None]
    asked = Subscribe(id="a", patients=("p-00001",), what=frozenset(What), since="1.2")
    subscription = hub.prepare(one, asked, sight([patient(1, 11)]))
    hub.start(subscription, vitals={})
    hub.tell_state(1)
    assert [state["cursor"] for state in texts(one, "state")] == [None]
    hub.replay(subscription, [], up_to=FeedCursor(1, 4), whole=True)
    assert hub.follow_feed(subscription, most=10)
    hub.put_event(event(9, 2))
    hub.tell_state(1)
    assert [state["cursor"] for state in texts(one, "state")] == ["1.9"]


def test_who_asks_for_values_alone_is_told_nothing_of_the_past() -> None:
    hub = Hub(ring_events=10)
    hub.begin_feed(FeedCursor(1, 4))
    one = client(hub)
    asked = Subscribe(id="a", patients=("p-00001",), what=frozenset({What.VITALS}), since="1.2")
    subscription = hub.prepare(one, asked, sight([patient(1, 11)]))
    hub.start(subscription, vitals={})
    assert [message["cursor"] for message in texts(one, "subscribed")] == ["1.4"]
    assert hub.follow_feed(subscription, most=10)


def test_an_event_of_a_device_that_went_on_is_not_told_to_the_new_wearers_watchers() -> None:
    hub = Hub(ring_events=10)
    hub.begin_feed(FeedCursor(1, 0))
    hub.put_event(event(1, 2, 11))
    one = client(hub)
    asked = Subscribe(id="a", patients=("p-00001",), what=frozenset(What), since="1.0")
    subscription = hub.prepare(one, asked, sight([patient(1, 11)]))
    assert hub.follow_feed(subscription, most=10)
    assert texts(one, "event") == []


def test_who_is_told_of_other_patients_of_a_ward_knows_that_they_came() -> None:
    hub = Hub(ring_events=10)
    one = client(hub)
    subscribe(hub, one, [patient(1, 11)])
    hub.update(one.subscriptions["a"], sight([patient(1, 11), patient(2, 22)]))
    hub.update(one.subscriptions["a"], sight([patient(1, 12), patient(2, 22)]))
    assert [m["patients"] for m in texts(one, "patients")] == [["p-00001", "p-00002"]]


def test_the_database_is_newer_than_what_came_before_it() -> None:
    hub = Hub(ring_events=10)
    one = client(hub)
    asked = Subscribe(id="a", patients=("p-00001",), what=frozenset(What))
    subscription = hub.prepare(one, asked, sight([patient(1, 11)]))
    hub.put_vitals(vitals((5, 1, 11, 55.0)))
    hub.start(subscription, vitals={PatientKey(1): [item(10, 60.0)]})
    (message,) = texts(one, "vitals")
    assert [i["value"] for i in message["items"]] == [60.0]


def test_who_comes_next_is_given_the_newest_values_from_memory() -> None:
    hub = Hub(ring_events=10)
    ours = sight([patient(1, 11), patient(2, 22)])
    asked = Subscribe(id="a", patients=("p-00001", "p-00002"), what=frozenset(What))
    first, second = client(hub), client(hub)
    begun = hub.prepare(first, asked, ours)
    assert [one.id for one in hub.unknown_values(ours.values())] == [1, 2]
    hub.start(begun, vitals={PatientKey(1): [item(10, 60.0)], PatientKey(2): []})
    assert hub.unknown_values(ours.values()) == []
    hub.put_vitals(vitals((20, 1, 11, 72.0)))
    hub.put_vitals(vitals((15, 1, 11, 66.0)))  # a correction of the past is not the newest
    hub.start(hub.prepare(second, asked, ours), vitals={}, since_us=0)
    (message,) = texts(second, "vitals")
    assert [i["value"] for i in message["items"]] == [72.0]
    third = client(hub)
    hub.start(hub.prepare(third, asked, ours), vitals={}, since_us=21)
    assert texts(third, "vitals") == []  # what is older is stale
    hub.begin_values()
    assert len(hub.unknown_values(ours.values())) == 2
    for one in (first, second, third):
        hub.remove(one)
    hub.prepare(first, asked, ours)
    assert len(hub.unknown_values(ours.values())) == 2  # nobody watched in between


def test_events_of_a_worn_device_go_to_those_who_watch_the_patient() -> None:
    hub = Hub(ring_events=10)
    one = client(hub)
    subscribe(hub, one, [patient(1, 11)], What.EVENTS)
    hub.put_event(event(1, None, 11))
    hub.put_event(event(2, None, 99))
    hub.put_event(event(3, 2, 11))
    assert [message["cursor"] for message in texts(one, "event")] == ["1.1"]


def test_beats_go_to_those_who_ask_for_them_and_watch_who_wears_the_device() -> None:
    hub = Hub(ring_events=10)
    ours, theirs, without = client(hub), client(hub), client(hub)
    subscribe(hub, ours, [patient(1, 11)], What.BEATS)
    subscribe(hub, theirs, [patient(2, 12)], What.BEATS)
    subscribe(hub, without, [patient(1, 11)])

    hub.put_beats(beats((11, 1_000_000), (12, 2_000_000), (99, 3_000_000), (11, 4_000_000)))

    (message,) = texts(ours, "beats")
    assert [(one["patient"], one["t"][17:19]) for one in message["items"]] == [
        ("p-00001", "01"),
        ("p-00001", "04"),
    ]
    assert message["items"][0] | {"t": 0} == {
        "patient": "p-00001", "device": "dev-11", "t": 0, "kind": "r_peak", "class": "V",
        "rr_ms": 800.0, "quality": 0.9, "revision": 0,
    }  # fmt: skip
    (message,) = texts(theirs, "beats")
    assert [one["device"] for one in message["items"]] == ["dev-12"]
    assert texts(without, "beats") == []


def test_a_late_beat_of_who_wore_the_device_before_is_told_to_nobody() -> None:
    hub = Hub(ring_events=10)
    watcher = client(hub)
    now_theirs = replace(patient(1), devices=(replace(patient(1, 11).devices[0], since_us=500),))
    subscribe(hub, watcher, [now_theirs], What.BEATS)
    hub.put_beats(beats((11, 499)))
    assert texts(watcher, "beats") == []
    hub.put_beats(beats((11, 500)))
    assert len(texts(watcher, "beats")) == 1


def test_each_value_tells_the_place_of_its_device() -> None:
    """Of two devices by one method the lower of the registry goes first, whatever its name."""
    hub = Hub(ring_events=10)
    watcher = client(hub)
    subscribe(hub, watcher, [patient(1, 12, 11)], What.VITALS)
    hub.put_vitals(vitals((5, 1, 12, 70.0), (5, 1, 11, 71.0), (5, 1, 0, 72.0)))
    (message,) = texts(watcher, "vitals")
    assert {one["device"]: one["order"] for one in message["items"]} == {
        "dev-11": 1, "dev-12": 2, None: 0,
    }  # fmt: skip


def test_what_is_not_asked_for_does_not_come() -> None:
    hub = Hub(ring_events=10)
    one = client(hub)
    subscribe(hub, one, [patient(1, 11)], What.ALARMS)
    hub.put_vitals(vitals((5, 1, 11, 70.0)))
    hub.put_frames(frames((11, 0)))
    hub.put_event(event(1, 1))
    assert one.queue.take() == []


def test_an_ended_subscription_and_a_gone_client_get_nothing() -> None:
    hub = Hub(ring_events=10)
    one, gone = client(hub), client(hub)
    subscribe(hub, one, [patient(1, 11)])
    subscribe(hub, gone, [patient(1, 11)])
    assert hub.end(one, "a")
    assert not hub.end(one, "a")
    hub.remove(gone)
    hub.put_vitals(vitals((5, 1, 11, 70.0)))
    hub.put_frames(frames((11, 0)))
    hub.put_event(event(1, 1))
    assert one.queue.take() == gone.queue.take() == []


def test_a_device_that_went_to_another_patient_is_not_shown_to_the_old_ones_watchers() -> None:
    hub = Hub(ring_events=10)
    old, new = client(hub), client(hub)
    subscribe(hub, old, [patient(1, 11)])
    subscribe(hub, new, [patient(2, 11)])
    hub.put_frames(frames((11, 0)))
    assert old.queue.take() == []
    assert len(new.queue.take()) == 1


def test_who_may_no_longer_be_seen_is_not_shown() -> None:
    hub = Hub(ring_events=10)
    one = client(hub)
    subscribe(hub, one, [patient(1, 11), patient(2, 22)])
    hub.update(one.subscriptions["a"], sight([patient(2, 22)]))
    hub.put_vitals(vitals((5, 1, 11, 70.0), (5, 2, 22, 80.0)))
    hub.put_frames(frames((11, 0)))
    (message,) = texts(one, "vitals")
    assert [i["patient"] for i in message["items"]] == ["p-00002"]


def test_the_state_tells_the_age_of_each_source() -> None:
    hub = Hub(ring_events=10)
    one = client(hub)
    subscribe(hub, one, [patient(1, 11)], What.VITALS)
    hub.put_frames(frames((11, 1_000_000)))
    hub.tell_state(5_000_000)
    (state,) = texts(one, "state")
    assert state["server_time"] == "1970-01-01T00:00:05.000000Z"
    assert state["sources"] == [
        {"patient": "p-00001", "device": "dev-11", "stream": "ecg", "age_s": 3.0}
    ]


def test_lost_events_make_everybody_come_again() -> None:
    hub = Hub(ring_events=10)
    one = client(hub)
    hub.begin_feed(FeedCursor(1, 0))
    before = one.too_slow
    hub.put_event(event(1, 1))
    hub.begin_feed(FeedCursor(1, 7))
    assert (before, one.too_slow) == (False, True)
    assert hub.feed.newest == FeedCursor(1, 7)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["subscribe", "end", "remove", "update"]),
            st.integers(0, 2),
            st.sampled_from(["a", "b"]),
            st.sets(st.integers(1, 4), max_size=4),
        ),
        max_size=30,
    )
)
def test_whatever_was_done_before_exactly_the_watchers_hear(
    steps: list[tuple[str, int, str, set[int]]],
) -> None:
    hub = Hub(ring_events=10)
    clients = [client(hub) for _ in range(3)]
    watched: dict[tuple[int, str], set[int]] = {}
    for step, who, name, numbers in steps:
        patients = [patient(number, 10 + number) for number in numbers]
        match step:
            case "subscribe":
                if clients[who] in hub.clients:
                    subscribe(hub, clients[who], patients, name=name)
                    watched[who, name] = numbers
            case "end":
                hub.end(clients[who], name)
                watched.pop((who, name), None)
            case "update":
                if (who, name) in watched:
                    hub.update(clients[who].subscriptions[name], sight(patients))
                    watched[who, name] = numbers
            case _:
                hub.remove(clients[who])
                watched = {key: value for key, value in watched.items() if key[0] != who}
    for one in clients:
        one.queue.take()

    hub.put_vitals(vitals(*((7, number, 10 + number, 70.0) for number in range(1, 5))))

    for who, one in enumerate(clients):
        heard = {
            (message["id"], int(i["patient"][2:]))
            for message in texts(one, "vitals")
            for i in message["items"]
        }
        assert heard == {
            (name, number)
            for (of, name), numbers in watched.items()
            if of == who
            for number in numbers
        }
