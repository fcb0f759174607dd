"""When a command is sent, asked after, or given up. Pure: time is an argument.

A command is sent at most once for what is known: its row says that it was sent before it is. From
then on only the device can say what became of it, so it is asked, and sent once more only after it
has answered that it never had it. What was never sent by its deadline is expired and has not run;
what was sent and never answered is unknown, until the device comes back and says.

A device that is not known to be there is asked too: a gateway that was killed may have lost its
last status, and whoever answers is there.

A device that speaks its own protocol cannot be asked after a command by its id: what its dialogue
makes of it is all that is learned. A dialogue begins anew with the process, so it is given again
what was sent and is not answered, and whether twice is harmless is for it to say. At the deadline
it is told to forget the command: from then on nothing is sent that carries it out.
"""

from enum import Enum, auto
from typing import Any, NamedTuple

from shared.contracts.commands import CommandOutcome
from shared.contracts.identity import DeviceKey
from shared.contracts.instants import SECOND

ASK_AFTER_US = 5 * SECOND
"""Answers of quick commands come within a second; the question costs one small message."""
ASK_EVERY_US = 10 * SECOND
NEAR_US = 15 * SECOND
GRACE_US = 15 * SECOND
"""After the deadline an answer may still be on its way: a device lost is seen within 15 s."""


class OpenCommand(NamedTuple):
    """A command that may still need something done. Times in us UTC.

    Parameters
    ----------
    sends : how often it was given to MQTT, as its row says
    unseen_us : when the device has said that it never had it, or None
    sent_us : when it was last given to MQTT, or None
    asked_us : when the device was last asked since the command was last sent, or None
    running_us : when the device last said that it is at work
    is_given_up : its outcome is told as unknown; a device that comes back is asked once more
    """

    id: str
    device: DeviceKey
    name: str
    args: dict[str, Any]
    expires_us: int
    sends: int = 0
    sent_us: int | None = None
    unseen_us: int | None = None
    asked_us: int | None = None
    running_us: int | None = None
    is_given_up: bool = False


class Step(Enum):
    """What is to be done with a command now."""

    WAIT = auto()
    SEND = auto()
    ASK = auto()
    EXPIRE = auto()
    GIVE_UP = auto()
    GIVE_AGAIN = auto()
    """To a dialogue that does not have it, though it was sent."""
    WITHDRAW = auto()
    """From a dialogue: its time is over, an answer may still be on its way."""


class Hold(Enum):
    """What the dialogue of a device has of a command."""

    NOTHING = auto()
    GIVEN = auto()
    WITHDRAWN = auto()


def next_step(command: OpenCommand, now_us: int, *, online: bool) -> Step:
    """Give what is to be done with a command now."""
    if command.is_given_up:
        return Step.WAIT
    if now_us >= _end_us(command):
        return Step.EXPIRE if _has_not_run(command) else Step.GIVE_UP
    if _has_not_run(command) and (online or _is_near(command, now_us)):
        return Step.SEND
    return Step.ASK if now_us >= _ask_us(command) else Step.WAIT


def due_us(command: OpenCommand) -> int | None:
    """Give when `next_step` may say something else if nothing happens; None for never."""
    return None if command.is_given_up else min(_end_us(command), _ask_us(command))


def next_native_step(command: OpenCommand, now_us: int, *, there: bool, hold: Hold) -> Step:
    """Give what is to be done with a command for a device that speaks its own protocol."""
    if command.is_given_up:
        return Step.WAIT
    if command.sent_us is None:
        if now_us >= command.expires_us:
            return Step.EXPIRE
        return Step.SEND if there else Step.WAIT
    if now_us >= _end_us(command):
        return Step.GIVE_UP
    if now_us >= command.expires_us:
        return Step.WITHDRAW if hold is Hold.GIVEN else Step.WAIT
    return Step.GIVE_AGAIN if hold is Hold.NOTHING and there else Step.WAIT


def native_due_us(command: OpenCommand, hold: Hold) -> int | None:
    """Give when `next_native_step` may say something else if nothing happens; None for never."""
    if command.is_given_up:
        return None
    if command.sent_us is None or hold is Hold.GIVEN:
        return command.expires_us
    return _end_us(command)


def answers_last_sending(command: OpenCommand) -> bool:
    """Whether a device that says it never had the command was asked after it was last sent.

    An answer to a question from before crosses the command on its way and proves nothing.
    """
    return command.sent_us is None or command.asked_us is not None


def outcome_of(step: Step) -> CommandOutcome:
    """Give how a command ends that is expired or given up."""
    return CommandOutcome.EXPIRED if step is Step.EXPIRE else CommandOutcome.UNKNOWN


def _has_not_run(command: OpenCommand) -> bool:
    return command.sent_us is None or command.unseen_us is not None


def _is_near(command: OpenCommand, now_us: int) -> bool:
    """Whether the device has just answered, whatever is known of its presence."""
    return command.unseen_us is not None and now_us - command.unseen_us < NEAR_US


def _end_us(command: OpenCommand) -> int:
    if _has_not_run(command):
        return command.expires_us
    return max(command.expires_us, command.running_us or 0) + GRACE_US


def _ask_us(command: OpenCommand) -> int:
    if command.asked_us is not None:
        return command.asked_us + ASK_EVERY_US
    return 0 if command.sent_us is None else command.sent_us + ASK_AFTER_US
