"""compose.yaml: valid, and nothing in it that the code does not know."""

import json
import re
from functools import cache
from importlib import resources
from typing import Any

import jsonschema
import pytest
import yaml

from deploy.local.layout import PROJECT, SERVICES
from deploy.local.servers import mosquitto, postgres, rabbitmq
from deploy.secret_files import CONTAINER_USER, DATA_FOLDERS, DERIVED, DRAWN, ROLES_SQL
from tests.harness.settings_of import names_known_to, names_own_to, servers_of

DEPLOY = PROJECT / "deploy"
OURS = {**{name: name for name in SERVICES}, "migrate": "administration"}
EXACT = re.compile(r"[a-z0-9/-]+:(v?\d+\.\d+(\.\d+)?[a-z0-9.-]*|\$\{VITALWIRE_VERSION:-[\d.]+\})")
DATA = "./compose/data/"
FILES = ("compose.yaml", "compose.tls.yaml")


@cache
def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text())
    return document


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = read("compose.yaml")["services"]
    return found


@pytest.mark.parametrize("name", FILES)
def test_it_fits_the_schema_of_compose(name: str) -> None:
    schema = resources.files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    jsonschema.validate(read(name), json.loads(schema.read_text()))


def test_the_schema_finds_a_wrong_word() -> None:
    schema = resources.files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    wrong = {"services": {"api": {"image": "x:1.0", "read-only": True}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, json.loads(schema.read_text()))


@pytest.mark.parametrize("name", sorted(services()))
def test_each_container_is_bounded_and_has_no_more_rights_than_it_needs(name: str) -> None:
    service = services()[name]
    assert EXACT.fullmatch(service["image"]), service["image"]
    assert re.fullmatch(r"\$\{VITALWIRE_UID:-[1-9]\d+\}:\$\{VITALWIRE_GID:-[1-9]\d+\}",
                        service["user"])  # fmt: skip
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    limits = service["deploy"]["resources"]["limits"]
    assert {"cpus", "memory", "pids"} <= set(limits)
    assert service["logging"]["options"]["max-size"]
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
    if name in OURS:
        assert service["read_only"] is True
        assert "healthcheck" not in service, "the image has one"
        assert "entrypoint" not in service
    else:
        assert service["healthcheck"]["test"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_service_is_told_what_it_knows_and_all_that_it_needs(name: str) -> None:
    service, image = services()[name], OURS[name]
    assert service["image"].startswith(f"vitalwire/{image}:")
    environment = service["environment"]
    assert set(environment) <= names_known_to(image)
    assert set(environment) <= names_own_to(image)
    for server in servers_of(image):
        kind = {"rabbitmq": "AMQP", "postgres": "DATABASE", "mosquitto": "MQTT"}[server]
        assert environment[f"VITALWIRE_{kind}_HOST"] == server
        assert f"VITALWIRE_{kind}_PASSWORD_FILE" in environment
        assert set(services()[server]["networks"]) & set(service["networks"])
    targets = {f"/run/secrets/{each['target']}" for each in service["secrets"]}
    files = {v for k, v in environment.items() if k.endswith("_FILE") and "/secrets/" in v}
    assert files == targets, "each secret is used, each file is mounted"


@pytest.mark.parametrize("name", sorted(OURS))
def test_nobody_has_the_secret_of_another(name: str) -> None:
    role = "vw_admin" if name == "migrate" else f"vw_{name}"
    for each in services()[name]["secrets"]:
        if each["source"].startswith(("amqp_", "database_", "mqtt_")):
            assert each["source"].partition("_")[2] == role


@pytest.mark.parametrize("file", FILES)
def test_every_secret_is_made_and_no_secret_stands_in_the_file(file: str) -> None:
    document = read(file)
    declared = {
        name: entry["file"].rpartition("/")[2] for name, entry in document["secrets"].items()
    }
    if file == "compose.yaml":
        assert set(declared.values()) <= {*DRAWN, *DERIVED}
    used = {
        each if isinstance(each, str) else each["source"]
        for service in document["services"].values()
        for each in service.get("secrets", [])
    }
    assert used == set(declared)
    for service in document["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|KEY", name):
                assert value.startswith("/"), f"{name} is a path"
    assert f"./compose/secrets/{ROLES_SQL}" in (DEPLOY / "compose.yaml").read_text()


def test_services_start_after_the_migration_and_the_migration_after_the_servers() -> None:
    for name in SERVICES:
        assert services()[name]["depends_on"]["migrate"] == {
            "condition": "service_completed_successfully"
        }
    for server in ("postgres", "rabbitmq"):
        assert services()["migrate"]["depends_on"][server] == {"condition": "service_healthy"}
    assert "mosquitto" in services()["gateway"]["depends_on"]


def test_only_tls_listens_beyond_loopback() -> None:
    for file in FILES:
        for name, service in read(file)["services"].items():
            for port in service.get("ports", []):
                if port.endswith("8883:8883"):
                    continue
                assert re.match(r"(\$\{\w+:-127\.0\.0\.1\}|127\.0\.0\.1):", port), (name, port)
    assert read("compose.yaml")["networks"]["inside"] == {"internal": True}
    assert services()["postgres"]["networks"] == ["inside"]
    assert services()["rabbitmq"]["networks"] == ["inside"]


def test_what_is_mounted_is_there() -> None:
    for file in FILES:
        for service in read(file)["services"].values():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith(DATA):
                    assert source.removeprefix(DATA) in DATA_FOLDERS
                elif source.startswith("."):
                    assert (DEPLOY / source).exists(), source
                    assert volume.endswith(":ro")
                else:
                    assert source in read("compose.yaml")["volumes"]


def test_what_is_kept_is_kept_in_folders_of_the_user() -> None:
    kept = {
        volume.split(":")[0].removeprefix(DATA)
        for service in services().values()
        for volume in service.get("volumes", [])
        if volume.startswith(DATA)
    }
    assert kept == set(DATA_FOLDERS)
    # A volume belongs to the user of the image: the only one is made for ours.
    (made,) = read("compose.yaml")["volumes"].values()
    assert f"uid=${{VITALWIRE_UID:-{CONTAINER_USER}}}" in made["driver_opts"]["o"]


def test_the_gateway_can_tell_mosquitto_to_read_its_passwords_again() -> None:
    gateway, broker = services()["gateway"], services()["mosquitto"]
    assert gateway["pid"] == "service:mosquitto"
    assert broker["init"] is True, "the gateway refuses to send a signal to process 1"
    assert gateway["user"] == broker["user"]
    shared = "mosquitto-run:/mosquitto/run"
    assert shared in gateway["volumes"]
    assert shared in broker["volumes"]
    told = mosquitto_lines()
    environment = gateway["environment"]
    assert environment["VITALWIRE_GATEWAY_PASSWORD_FILE_OUT"] == told["password_file"]
    assert environment["VITALWIRE_GATEWAY_MQTT_PID_FILE"] == told["pid_file"]


def mosquitto_lines() -> dict[str, str]:
    """Settings of the container's mosquitto; `log_type` is there more than once."""
    text = (DEPLOY / "k8s/base/mosquitto/mosquitto.conf").read_text()
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition(" ")
            found[name] = f"{found[name]} {value}" if name in found else value
    return found


PLACES = {"listener", "password_file", "acl_file", "pid_file", "persistence_location", "user"}


def test_mosquitto_is_told_the_same_as_in_a_local_run(tmp_path: Any) -> None:
    mosquitto.prepare(tmp_path, 1883, users={})
    local: dict[str, str] = {}
    for line in (tmp_path / "mosquitto.conf").read_text().splitlines():
        name, _, value = line.partition(" ")
        local[name] = f"{local[name]} {value}" if name in local else value
    ours = mosquitto_lines()
    ours.pop("include_dir")
    assert {k: v for k, v in ours.items() if k not in PLACES} == {
        k: v for k, v in local.items() if k not in PLACES
    }
    acl = mosquitto.GATEWAY_ACL.format(gateway="vw_gateway") + mosquitto.DEVICE_ACL
    assert (DEPLOY / "k8s/base/mosquitto/acl").read_text() == acl


def test_rabbitmq_is_told_the_same_as_in_a_local_run() -> None:
    lines = [
        line.partition(" = ")
        for line in (DEPLOY / "compose/rabbitmq.conf").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    told = {name: value for name, _, value in lines}
    assert {name: told[name] for name in rabbitmq.SETTINGS} == dict(rabbitmq.SETTINGS)
    assert told["definitions.local.path"] == "/run/secrets/rabbitmq_definitions"


# Sized for a machine of its own, or of no meaning in a container.
OTHER = {"shared_buffers", "listen_addresses", "unix_socket_directories", "log_min_messages",
         "log_line_prefix", "log_timezone", "timezone"}  # fmt: skip


def test_postgresql_is_told_the_same_as_in_a_local_run() -> None:
    told = dict(
        word.removeprefix("--").split("=")
        for word in services()["postgres"]["command"]
        if word.startswith("--")
    )
    local = {name: value for name, value in postgres.SETTINGS.items() if name not in OTHER}
    assert {name: value for name, value in told.items() if name not in OTHER} == local
