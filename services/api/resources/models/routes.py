"""GET /v1/models: what each model of device sends, understands and can be told."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Depends

from services.api.access import Request
from services.api.core.chosen_processing import chosen
from services.api.parameters import Processing
from services.api.resources.models.schemas import (
    Model,
    ModelCommand,
    ModelList,
    ModelStream,
    ModelValue,
)
from shared.contracts import device_model
from shared.contracts.model_values import ModelValue as KnownValue
from shared.contracts.model_values import ValueKind


def routes(
    models: Mapping[str, device_model.DeviceModel], *, caller: Callable[..., Awaitable[Request]]
) -> APIRouter:
    """The route of device models: the same for everybody who has logged in."""
    router = APIRouter(prefix="/v1/models", tags=["models"])
    answer = ModelList(items=[_shown(name, model) for name, model in models.items()])

    @router.get("", summary="Models of devices", dependencies=[Depends(caller)])
    async def all_models() -> ModelList:
        """With their streams, commands and configuration."""
        return answer

    return router


def _shown(name: str, model: device_model.DeviceModel) -> Model:
    return Model(
        model=name,
        label=model.label,
        maker=model.maker,
        identity=model.identity.value,
        simulated=model.simulated,
        codecs=list(model.codecs),
        streams=[
            ModelStream(
                stream=stream.key,
                hz=stream.rate_hz,
                channels=list(stream.channels),
                place=stream.place,
            )
            for stream in model.streams
        ],
        commands=[
            ModelCommand(
                name=command.name,
                label=command.label,
                args=[_value(value) for value in command.args],
            )
            for command in model.commands
        ],
        configuration=[_value(value) for value in model.configuration],
        processing=Processing(**chosen(model)._asdict()),
    )


def _value(value: KnownValue) -> ModelValue:
    return ModelValue(
        name=value.name,
        label=value.label,
        kind=value.kind.value,
        unit=value.unit,
        required=value.required,
        low=value.low,
        high=value.high,
        most=value.most if value.kind is ValueKind.TEXT else None,
        choices=list(value.choices),
    )
