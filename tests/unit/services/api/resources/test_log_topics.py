"""The table of the event log has a row for everything that is told."""

from services.api.audit import Action
from services.api.resources.eventlog.topics import (
    ACTS,
    EVENTS,
    NO_ACTS,
    Topic,
    kinds_of,
    told_of,
    topic_of,
)
from shared.contracts.events import EventKind


def test_every_kind_of_event_and_every_action_has_its_row() -> None:
    assert set(EVENTS) == set(EventKind)
    assert set(ACTS) | NO_ACTS == set(Action)
    assert not set(ACTS) & NO_ACTS


def test_topics_and_kinds_narrow_each_other() -> None:
    everything = kinds_of(None, None)
    assert everything == {str(name) for name in {*EVENTS, *ACTS}}
    assert kinds_of([Topic.LIMITS], None) == {"set_limits", "set_lung_reference"}
    assert kinds_of([Topic.LIMITS, Topic.ALARM], ["alarm", "log_in"]) == {"alarm"}
    assert kinds_of(None, ["log_in"]) == {"log_in"}
    assert kinds_of([], None) == frozenset()


def test_what_a_later_version_tells_is_of_the_system() -> None:
    assert topic_of("lead_off") is Topic.MEASUREMENT
    assert topic_of("claim_device") is Topic.ASSIGNMENT
    assert topic_of("dance") is Topic.SYSTEM
    assert topic_of("read_vitals") is Topic.SYSTEM


def test_only_what_is_meant_for_the_log_is_told_of_an_act() -> None:
    detail = {"device": "ecg-1", "limits": [{"measure": "spo2", "low": 88.0}], "secret": "x"}
    assert told_of("set_limits", detail, clinical=True) == {"limits": detail["limits"]}
    assert told_of("set_limits", detail, clinical=False) == {}
    assert told_of("retire_device", detail, clinical=True) == {}
