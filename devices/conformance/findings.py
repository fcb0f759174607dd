"""What the kit says of a device: one verdict a rule, and the places where it does not hold."""

from enum import StrEnum

import msgspec

MOST_PLACES = 5
"""A rule that fails shows these; the others are counted."""


class Rule(StrEnum):
    """What a device must keep to. The sentences stand in docs/devices/README.md too."""

    TOPIC = "topic"
    """vw1/{shard}/{device}/up/..., the shard of the device, a codec that exists"""
    CODEC = "codec"
    """a codec that the model speaks"""
    ENVELOPE = "envelope"
    """b, n and t beside bytes that have none inside"""
    BYTES = "bytes"
    """messages that the codec reads"""
    NUMBERS = "numbers"
    """n counts 0, 1, 2 ... in each boot, without a gap"""
    REPEATS = "repeats"
    """what comes again is the same bytes"""
    TIMES = "times"
    """times that go on with n, by a clock that a calendar could show"""
    RATES = "rates"
    """samples that follow one another without overlap, at the rates of the model"""
    STATUS = "status"
    """online, boot, t and sensible fields in up/status, retained"""
    STATUS_FIRST = "status_first"
    """up/status before the first data of a boot"""
    LAST_WILL = "last_will"
    """{"online": false, "boot": ...} when the connection is lost"""
    RESENDS = "resends"
    """a message without a receipt comes again, one with a receipt does not"""
    COMMANDS = "commands"
    """an answer to a command, the same to a question, expired to an old one"""


SENTENCES: dict[Rule, str] = {
    Rule.TOPIC: "topics are vw1/{shard}/{device}/up/... with the device's shard",
    Rule.CODEC: "codecs exist, and are those of the model",
    Rule.ENVELOPE: "identity and time are inside or beside each message",
    Rule.BYTES: "the codec reads every message",
    Rule.NUMBERS: "n counts 0, 1, 2 ... in each boot",
    Rule.REPEATS: "what comes again is the same to the byte",
    Rule.TIMES: "times go on, by a clock that a calendar could show",
    Rule.RATES: "samples follow one another at the rates of the model",
    Rule.STATUS: "up/status is retained and has sensible fields",
    Rule.STATUS_FIRST: "up/status comes before the first data of a boot",
    Rule.LAST_WILL: "the last will says offline",
    Rule.RESENDS: "what is not stored comes again, what is does not",
    Rule.COMMANDS: "commands are answered, once and never late",
}


class Verdict(StrEnum):
    """How a rule stands."""

    RIGHT = "right"
    WRONG = "wrong"
    NOT_SEEN = "not_seen"


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a rule does not hold. ``message`` counts the capture from 1, ``offset`` its bytes."""

    message: int
    what: str
    topic: str = ""
    offset: int | None = None
    expected: str = ""
    found: str = ""


class Finding(msgspec.Struct, kw_only=True):
    """One rule."""

    rule: Rule
    verdict: Verdict
    says: str
    looked: int = 0
    wrong: int = 0
    places: list[Place] = []


def as_text(findings: list[Finding]) -> str:
    """The report for people."""
    marks = {Verdict.RIGHT: "right   ", Verdict.WRONG: "WRONG   ", Verdict.NOT_SEEN: "not seen"}
    lines: list[str] = []
    for finding in findings:
        counted = f" ({finding.wrong} of {finding.looked})" if finding.wrong else ""
        lines.append(f"{marks[finding.verdict]}  {finding.rule:<13} {finding.says}{counted}")
        for place in finding.places:
            where = "" if place.offset is None else f", byte {place.offset}"
            lines.append(f"            message {place.message}{where}: {place.what}")
            if place.expected or place.found:
                lines.append(f"              expected {place.expected}, found {place.found}")
        left = finding.wrong - len(finding.places)
        if left > 0:
            lines.append(f"            and {left} more")
    n_wrong = sum(finding.verdict is Verdict.WRONG for finding in findings)
    lines.append("all that was seen is right" if not n_wrong else f"{n_wrong} rules do not hold")
    return "\n".join(lines)


def is_right(findings: list[Finding]) -> bool:
    """Whether nothing that was seen is wrong."""
    return all(finding.verdict is not Verdict.WRONG for finding in findings)
