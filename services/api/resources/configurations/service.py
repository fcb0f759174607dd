"""What is wished of a device, beside what it says is in force."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from services.api.access import Access, Request
from services.api.audit import Action, Outcome
from services.api.core.permissions import Permission
from services.api.core.sight import SeenDevice
from services.api.resources.configurations.schemas import (
    Configuration,
    ConfigurationPatch,
    Difference,
    NewConfiguration,
)
from services.api.resources.configurations.store import ConfigurationStore
from shared.contracts.device_model import DeviceModel
from shared.contracts.instants import to_text
from shared.contracts.model_values import refuse_values
from shared.database.pool import Row
from shared.errors import Conflict, Invalid

CHANGED_MEANWHILE = "if_match"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ConfigurationService:
    """Configurations for a user."""

    def __init__(
        self, access: Access, store: ConfigurationStore, models: Mapping[str, DeviceModel]
    ) -> None:
        self._access = access
        self._store = store
        self._models = models

    async def configuration(self, request: Request, name: str) -> tuple[Configuration, str]:
        """The configuration of a device, with its ETag."""
        device = await self._access.device(request, name, Action.READ_CONFIGURATION)
        return _answer(device, await self._store.configuration(device))

    async def replace(
        self, request: Request, name: str, new: NewConfiguration, *, if_match: str | None
    ) -> tuple[Configuration, str]:
        """Wish a configuration as a whole.

        Raises
        ------
        Invalid : the model has no such key, or a value does not fit
        Conflict : somebody changed it since ``if_match`` was read, or the device is retired
        """
        return await self._change(request, name, lambda _: new.desired, if_match=if_match)

    async def patch(
        self, request: Request, name: str, patch: ConfigurationPatch, *, if_match: str | None
    ) -> tuple[Configuration, str]:
        """Wish some keys otherwise.

        Raises
        ------
        Invalid, Conflict : as `replace`
        """

        def merged(before: Mapping[str, Any]) -> dict[str, Any]:
            after = {**before, **patch.root}
            return {key: value for key, value in after.items() if value is not None}

        return await self._change(request, name, merged, if_match=if_match)

    async def _change(
        self,
        request: Request,
        name: str,
        change: Callable[[Mapping[str, Any]], dict[str, Any]],
        *,
        if_match: str | None,
    ) -> tuple[Configuration, str]:
        device = await self._access.device(
            request, name, Action.READ_CONFIGURATION, Permission.MANAGE_DEVICES
        )
        if device.is_retired:
            raise Conflict("The device is retired.")

        def checked(before: Row) -> dict[str, Any]:
            if if_match is not None and if_match not in ("*", _etag(before)):
                raise Conflict(
                    "The configuration was changed meanwhile; read it again.",
                    constraint=CHANGED_MEANWHILE,
                )
            wished = change(before["configuration"])
            model = self._models.get(device.model)
            refusal = refuse_values(model.configuration if model else (), wished, partial=True)
            if refusal is not None:
                raise Invalid(f"{refusal.name}: {refusal.detail}", reason=refusal.reason)
            return wished

        before, after = await self._store.replace(
            device, by=request.principal.username, change=checked
        )
        model = self._models.get(device.model)
        await self._access.audit.append(
            request.entry(
                Action.CONFIGURE_DEVICE,
                Outcome.GRANTED,
                device_id=device.id,
                detail={
                    "device": device.device,
                    "version": after["version"],
                    "before": _without_texts(before["configuration"], model),
                    "after": _without_texts(after["configuration"], model),
                },
            )
        )
        return _answer(device, after)


def _without_texts(
    configuration: Mapping[str, Any], model: DeviceModel | None
) -> dict[str, object]:
    """Give what the audit trail keeps for ever: a free text may name a patient."""
    chosen = {value.name for value in model.configuration if value.choices} if model else set()
    return {
        name: "(text)" if isinstance(value, str) and name not in chosen else value
        for name, value in configuration.items()
    }


def _answer(device: SeenDevice, row: Row) -> tuple[Configuration, str]:
    told: dict[str, Any] = row["reported"]
    desired: dict[str, Any] = row["configuration"]
    found = told.get("configuration")
    reported = found if isinstance(found, dict) else None
    version = told.get("configuration_version")
    applied = version if isinstance(version, int) else None
    error = told.get("configuration_error")
    differences = [
        Difference(name=name, desired=value, reported=(reported or {}).get(name))
        for name, value in desired.items()
        if name not in (reported or {}) or (reported or {})[name] != value
    ]
    changed_at = row["changed_at"]
    answer = Configuration(
        device=device.device,
        version=row["version"],
        desired=desired,
        reported_version=applied,
        reported=reported,
        is_applied=not differences and (applied == row["version"] or row["version"] == 0),
        differences=differences,
        error=error[:500] if isinstance(error, str) else None,
        changed_by=row["changed_by"],
        changed_at=(
            None
            if changed_at is None
            else to_text((changed_at - _EPOCH) // timedelta(microseconds=1))
        ),
    )
    return answer, _etag(row)


def _etag(row: Row) -> str:
    return f'"{row["version"]}"'
