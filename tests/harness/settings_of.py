"""Which settings each part of a deployment knows, and what it must reach: from the code alone."""

from services.administration.settings import AdministrationSettings
from services.alarms.settings import AlarmSettings
from services.api.settings import ApiSettings
from services.dsp.settings import DspSettings
from services.gateway.settings import GatewaySettings
from services.storage.settings import StorageSettings
from shared.runtime.settings import (
    PREFIX,
    BrokerSettings,
    DatabaseSettings,
    MqttSettings,
    ServiceSettings,
)

SETTINGS: dict[str, type[ServiceSettings]] = {
    "gateway": GatewaySettings,
    "dsp": DspSettings,
    "storage": StorageSettings,
    "alarms": AlarmSettings,
    "api": ApiSettings,
    "administration": AdministrationSettings,
}
# What a part of the settings says must be reachable: the server's name and port.
SERVERS: dict[type, tuple[str, int]] = {
    BrokerSettings: ("rabbitmq", 5672),
    DatabaseSettings: ("postgres", 5432),
    MqttSettings: ("mosquitto", 1883),
}


def names_known_to(service: str) -> set[str]:
    """Names of environment variables that do not stop its start."""
    parts = (SETTINGS[service], ServiceSettings, BrokerSettings, DatabaseSettings, MqttSettings)
    return {f"{PREFIX}{name.upper()}" for part in parts for name in part.model_fields}


def names_own_to(service: str) -> set[str]:
    """Names of environment variables that it uses."""
    return {f"{PREFIX}{name.upper()}" for name in SETTINGS[service].model_fields}


def servers_of(service: str) -> dict[str, int]:
    """The servers that it speaks to, with their ports."""
    return dict(server for part, server in SERVERS.items() if issubclass(SETTINGS[service], part))
