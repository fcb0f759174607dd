"""What is declared, and who may use it: least rights, derived from the tables."""

import re

import pytest

from shared.broker.topology import ADMINISTRATOR, Retention, declarations, permissions
from shared.contracts.names import Exchange, Queue

SERVICES = ("gateway", "dsp", "storage", "alarms", "api")
WRITES = {
    "gateway": {"frames", "late", "events", "parking"},
    "dsp": {"vitals", "events", "parking"},
    "storage": {"events", "receipts", "parking"},
    "alarms": {"events", "notices", "parking"},
    "api": {"commands", "actions"},
}
READS = {
    "gateway": {"receipts.7", "commands.7", "frames.7", "late.7"},
    "dsp": {"frames.7", "late.7", "vitals.7"},
    "storage": {"frames.7", "late.7", "vitals.7", "events"},
    "alarms": {"vitals.7", "events", "alarm_actions"},
    "api": {"frames.7", "late.7", "vitals.7", "events", "parking"},
}
QUEUES = {
    *(f"{exchange}.7" for exchange in ("frames", "late", "vitals", "commands", "receipts")),
    *(queue.value for queue in Queue),
}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_rights_of_its_formats_and_no_more(service: str) -> None:
    rights = permissions()[f"vw_{service}"]
    written = {exchange.value for exchange in Exchange if re.search(rights.write, exchange)}
    read = {queue for queue in QUEUES if re.search(rights.read, queue)}
    assert written == WRITES[service]
    assert read == READS[service]
    assert rights.configure == "^$"
    for foreign in ("amq.default", "framesx", "xframes", "frames.7x", "amq.gen-1"):
        assert not re.search(rights.write, foreign)
        assert not re.search(rights.read, foreign)


def test_only_the_administrator_declares() -> None:
    assert {user for user, rights in permissions().items() if rights.configure != "^$"} == {
        ADMINISTRATOR
    }


def test_every_name_has_one_declaration_and_every_queue_a_bound() -> None:
    for lanes in (1, 2, 64):
        found = declarations(lanes, Retention())
        names = [entry.name for entry in found]
        assert len(names) == len(set(names)) == 5 * lanes + len(Queue)
        for entry in found:
            assert "x-max-length-bytes" in entry.arguments or "x-max-length" in entry.arguments
    with pytest.raises(ValueError, match="power of two"):
        declarations(3, Retention())


def test_segments_are_at_most_a_sixteenth_of_the_retention() -> None:
    for entry in declarations(2, Retention()):
        if entry.is_stream:
            whole = entry.arguments["x-max-length-bytes"]
            segment = entry.arguments["x-stream-max-segment-size-bytes"]
            assert isinstance(whole, int)
            assert isinstance(segment, int)
            assert segment * 16 <= whole


def test_dead_letters_go_to_the_parking_and_nowhere_in_a_circle() -> None:
    for entry in declarations(1, Retention()):
        target = entry.arguments.get("x-dead-letter-exchange")
        if entry.name in (Queue.PARKING, Queue.NOTICES) or entry.is_stream:
            assert target is None
        else:
            assert target == Exchange.PARKING
