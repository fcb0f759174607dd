"""What people do to alarms, on the queue ``alarm_actions``. Carried out by alarms, once by id."""

import msgspec


class Acknowledge(msgspec.Struct, frozen=True, kw_only=True, tag="acknowledge", tag_field="action"):
    """Somebody has taken notice of an alarm. `by` is the user's key, `at` us UTC."""

    id: str
    alarm: str
    by: int
    by_name: str
    at: int


class PauseSound(msgspec.Struct, frozen=True, kw_only=True, tag="pause_sound", tag_field="action"):
    """Alarm sounds of one patient rest until `until` (us UTC); a new or worse alarm ends it."""

    id: str
    patient: int
    until: int
    by: int
    by_name: str
    at: int


AlarmAction = Acknowledge | PauseSound
_decoder: msgspec.json.Decoder[AlarmAction] = msgspec.json.Decoder(AlarmAction)


def encode_action(action: AlarmAction) -> bytes:
    """The JSON message of an action."""
    return msgspec.json.encode(action)


def decode_action(body: bytes) -> AlarmAction:
    """Read an action.

    Raises
    ------
    msgspec.DecodeError : the bytes are no action
    """
    return _decoder.decode(body)
