from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field

from shared.errors import Misconfigured
from shared.runtime.settings import (
    BrokerSettings,
    DatabaseSettings,
    ServiceSettings,
    describe_settings,
    read_settings,
)


class Example(DatabaseSettings, BrokerSettings, ServiceSettings):
    service: ClassVar[str] = "example"
    turns_most: int = Field(default=7, ge=1, description="Turns at most")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in os.environ:
        if name.startswith("VITALWIRE_"):
            monkeypatch.delenv(name)


def test_names_follow_the_service() -> None:
    settings = read_settings(Example)
    assert settings.instance == "example"
    assert settings.amqp_user == settings.database_user == "vw_example"


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITALWIRE_INSTANCE", "example-2")
    monkeypatch.setenv("VITALWIRE_TURNS_MOST", "9")
    monkeypatch.setenv("VITALWIRE_MQTT_HOST", "belongs.to.another.service")
    settings = read_settings(Example)
    assert (settings.instance, settings.turns_most) == ("example-2", 9)


def test_unknown_names_and_bad_values_are_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITALWIRE_TURN_MOST", "9")
    with pytest.raises(Misconfigured, match="VITALWIRE_TURN_MOST"):
        read_settings(Example)
    monkeypatch.delenv("VITALWIRE_TURN_MOST")
    monkeypatch.setenv("VITALWIRE_TURNS_MOST", "0")
    with pytest.raises(Misconfigured, match="VITALWIRE_TURNS_MOST"):
        read_settings(Example)


def test_a_secret_comes_from_a_file_of_its_owner(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("hush\n")
    file.chmod(0o600)
    monkeypatch.setenv("VITALWIRE_AMQP_PASSWORD_FILE", str(file))
    settings = read_settings(Example)
    assert settings.amqp_password.get_secret_value() == "hush"
    shown = describe_settings(settings) + repr(settings) + repr(settings.amqp_password)
    assert "hush" not in shown
    file.chmod(0o604)
    with pytest.raises(Misconfigured, match="chmod"):
        _ = settings.amqp_password
    file.chmod(0o600)
    file.write_text("")
    with pytest.raises(Misconfigured, match="empty"):
        _ = settings.amqp_password
    with pytest.raises(Misconfigured, match="DATABASE_PASSWORD_FILE"):
        _ = settings.database_password


def test_each_setting_is_described() -> None:
    for line in describe_settings(read_settings(Example)).splitlines():
        name, _, sentence = line.partition("  # ")
        assert name.startswith("VITALWIRE_")
        assert sentence not in ("", "None")
