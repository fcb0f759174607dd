"""THE table of formats: what travels on RabbitMQ, under which name, who writes and reads it."""

from dataclasses import dataclass

from shared.contracts.names import Exchange

BINARY_FRAMES = "application/vnd.vitalwire.frames"
BINARY_VITALS = "application/vnd.vitalwire.vitals"
BINARY_BEATS = "application/vnd.vitalwire.beats"
JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format. `name` is the AMQP property `type`; `on` the exchanges that carry it."""

    name: str
    content_type: str
    on: tuple[Exchange, ...]
    writers: tuple[str, ...]
    readers: tuple[str, ...]


FRAMES_V1 = Format(
    name="frames.v1",
    content_type=BINARY_FRAMES,
    on=(Exchange.FRAMES, Exchange.LATE),
    writers=("gateway",),
    readers=("dsp", "storage", "api", "gateway"),  # the gateway: its last batch, after a restart
)
VITALS_V1 = Format(
    name="vitals.v1",
    content_type=BINARY_VITALS,
    on=(Exchange.VITALS,),
    writers=("dsp",),
    readers=("dsp", "storage", "alarms", "api"),  # dsp: several devices of one patient
)
BEATS_V1 = Format(
    name="beats.v1",
    content_type=BINARY_BEATS,
    on=(Exchange.VITALS,),
    writers=("dsp",),
    readers=("storage", "api"),
)
EVENT_V1 = Format(
    name="event.v1",
    content_type=JSON,
    on=(Exchange.EVENTS,),
    writers=("gateway", "dsp", "storage", "alarms"),
    readers=("storage", "alarms", "api"),
)
RECEIPTS_V1 = Format(
    name="receipts.v1",
    content_type=JSON,
    on=(Exchange.RECEIPTS,),
    writers=("storage",),
    readers=("gateway",),
)
COMMAND_V1 = Format(
    name="command.v1",
    content_type=JSON,
    on=(Exchange.COMMANDS,),
    writers=("api",),
    readers=("gateway",),
)
ACTION_V1 = Format(
    name="action.v1",
    content_type=JSON,
    on=(Exchange.ACTIONS,),
    writers=("api",),
    readers=("alarms",),
)
NOTICE_V1 = Format(
    name="notice.v1",
    content_type=JSON,
    on=(Exchange.NOTICES,),
    writers=("alarms",),
    readers=(),
)
PARKED = Format(
    name="parked",
    content_type="application/octet-stream",
    on=(Exchange.PARKING,),
    writers=("gateway", "dsp", "storage", "alarms"),
    readers=("api",),
)

FORMATS = (
    FRAMES_V1,
    VITALS_V1,
    BEATS_V1,
    EVENT_V1,
    RECEIPTS_V1,
    COMMAND_V1,
    ACTION_V1,
    NOTICE_V1,
    PARKED,
)
