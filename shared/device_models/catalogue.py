"""The table of device models, filled from the TOML files beside this one."""

from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

from shared.contracts.device_model import DeviceModel, read_device_model

SUFFIX = ".toml"


def load_device_models() -> Mapping[str, DeviceModel]:
    """Give every model by its name, which is that of its file.

    Raises
    ------
    ValueError : a file does not describe a model
    """
    found: dict[str, DeviceModel] = {}
    for entry in resources.files("shared.device_models").iterdir():
        if entry.name.endswith(SUFFIX):
            name = entry.name.removesuffix(SUFFIX)
            try:
                found[name] = read_device_model(entry.read_text("utf-8"))
            except ValueError as error:
                raise ValueError(f"shared/device_models/{entry.name}: {error}") from error
    return MappingProxyType(dict(sorted(found.items())))
