import msgspec
import pytest

from services.storage.core.event_rows import (
    EventRow,
    RefusedEvent,
    SettledMessage,
    event_row,
    settled_by,
)
from shared.contracts.events import Event, EventKind, EventMessage, Severity, encode_event
from shared.contracts.parking import Reason

GOOD = Event(
    id="e1", t=5, kind=EventKind.LEAD_OFF, severity=Severity.LOW, source="dsp", text_key="lead_off",
    device=3, data={"lead": "II", "since": 1.5},
)  # fmt: skip


def test_a_good_event_becomes_a_row_with_its_place_in_the_stream() -> None:
    row = event_row(encode_event(GOOD), incarnation=2, stream_offset=11)
    assert row == EventRow(
        3, "e1", 0, 5, "lead_off", "low", "dsp", "lead_off", '{"lead":"II","since":1.5}', 2, 11
    )


BODY = encode_event(GOOD)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Reason.MALFORMED),
        (b"{", Reason.MALFORMED),
        (b"\xff\xfe", Reason.MALFORMED),
        (b"[]", Reason.MALFORMED),
        (b'{"id": "e1"}', Reason.MALFORMED),
        (b'{"data":' * 100_000, Reason.MALFORMED),
        (BODY.replace(b"lead_off", b"no_such_kind"), Reason.MALFORMED),
        (BODY.replace(b'"t":5', b'"t":NaN'), Reason.MALFORMED),
        (BODY.replace(b'"t":5', b'"t":' + b"9" * 40), Reason.BAD_TIME),
        (BODY.replace(b'"t":5', b'"t":-1'), Reason.BAD_TIME),
        (BODY.replace(b'"e1"', b'"e\\u0000"'), Reason.MALFORMED),
        (BODY.replace(b'"II"', b'"I\\u0000"'), Reason.MALFORMED),
        (BODY.replace(b'"II"', b'"\\ud800"'), Reason.MALFORMED),
        (BODY.replace(b'"e1"', b'""'), Reason.MALFORMED),
        (BODY.replace(b'"e1"', b'"' + b"x" * 2_000 + b'"'), Reason.MALFORMED),
        (BODY.replace(b'"II"', b'"' + b"x" * 70_000 + b'"'), Reason.TOO_LARGE),
        (BODY.replace(b'"device":3', b'"device":-3'), Reason.BAD_IDENTITY),
        (BODY.replace(b'"device":3', b'"device":3000000000'), Reason.BAD_IDENTITY),
    ],
)
def test_what_postgresql_could_not_hold_is_refused_by_name(body: bytes, reason: Reason) -> None:
    refused = event_row(body, incarnation=1, stream_offset=0)
    assert isinstance(refused, RefusedEvent)
    assert refused.reason is reason


def test_an_event_settles_the_message_that_it_was_the_last_of() -> None:
    last = EventMessage(boot=7, n=9, settles=True)
    event = msgspec.structs.replace(GOOD, message=last)
    assert settled_by(encode_event(event)) == SettledMessage(3, 7, 9)
    assert isinstance(event_row(encode_event(event), incarnation=2, stream_offset=11), EventRow)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"message": EventMessage(boot=7, n=9)},
        {"message": EventMessage(boot=7, n=9), "data": {"settles": True}},
        {"message": EventMessage(boot=7, n=-9, settles=True)},
        {"message": EventMessage(boot=7, n=9, settles=True), "device": None},
        {"message": EventMessage(boot=2**40, n=9, settles=True)},
    ],
)
def test_other_events_settle_nothing(change: dict[str, object]) -> None:
    assert settled_by(encode_event(msgspec.structs.replace(GOOD, **change))) is None


def test_bytes_that_are_no_event_settle_nothing() -> None:
    assert settled_by(b'{"settles":true') is None
