"""Models of devices."""

from pydantic import BaseModel

from services.api.parameters import Processing


class ModelValue(BaseModel):
    """An argument of a command or a key of the configuration, with what fits."""

    name: str
    label: str
    kind: str
    unit: str
    required: bool
    low: float | None
    high: float | None
    most: int | None
    choices: list[str | int | float]


class ModelCommand(BaseModel):
    """A command that devices of a model understand."""

    name: str
    label: str
    args: list[ModelValue]


class ModelStream(BaseModel):
    """A stream that devices of a model send; 0 Hz are single readings."""

    stream: str
    hz: float
    channels: list[str]
    place: str


class Model(BaseModel):
    """A model of device."""

    model: str
    label: str
    maker: str
    identity: str
    simulated: bool
    codecs: list[str]
    streams: list[ModelStream]
    commands: list[ModelCommand]
    configuration: list[ModelValue]
    processing: Processing


class ModelList(BaseModel):
    """All models, in the order of their names."""

    items: list[Model]
    next: None = None
