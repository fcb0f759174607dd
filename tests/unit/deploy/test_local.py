"""Parts of a private system that need no server: ports, secrets, configuration, page."""

import json
import socket
import stat
from pathlib import Path

import pytest

from deploy.local.layout import AlreadyRunning, Layout, take_ports, take_run_lock
from deploy.local.page import digest_of_inputs
from deploy.local.processes import RunOptions, instance_names, port_names
from deploy.local.servers import mosquitto, rabbitmq
from deploy.local.servers.command import FIRST_PORT, LAST_PORT, free_port
from deploy.local.supervision import Program, configuration


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(folder=tmp_path / "local")
    layout.make()
    return layout


def test_ports_are_kept_from_start_to_start(layout: Layout) -> None:
    first = take_ports(layout, ["api", "mosquitto"])
    second = take_ports(layout, ["mosquitto", "dsp", "api"])
    assert {name: second[name] for name in first} == first
    assert all(FIRST_PORT <= port < LAST_PORT for port in first.values())


def test_a_port_that_somebody_else_has_is_given_up(layout: Layout) -> None:
    port = take_ports(layout, ["api"])["api"]
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert take_ports(layout, ["api"])["api"] != port


def test_no_port_twice() -> None:
    taken: list[int] = []
    for _ in range(200):
        taken.append(free_port(taken=taken))
    assert len(set(taken)) == 200


def test_a_secret_is_made_up_once_and_is_its_owners_only(layout: Layout) -> None:
    secret = layout.secret("user_nurse")
    assert len(secret) >= 40
    assert layout.secret("user_nurse") == secret
    assert layout.secret("user_admin") != secret
    assert stat.S_IMODE(layout.secret_file("user_nurse").stat().st_mode) == 0o600


def test_one_run_a_folder(layout: Layout) -> None:
    with take_run_lock(layout), pytest.raises(AlreadyRunning, match="make stop"):
        take_run_lock(layout)
    take_run_lock(layout).close()


def test_replicas_have_names_and_ports_of_their_own() -> None:
    assert instance_names("dsp", 3) == ["dsp", "dsp-2", "dsp-3"]
    names = port_names(RunOptions(replicas=2))
    assert len(names) == len(set(names))
    assert {"api", "api-2", "gateway-2.monitor"} <= set(names)


def test_the_supervisor_gets_words_and_values_unchanged(layout: Layout) -> None:
    program = Program(
        name="strange",
        argv=("/bin/echo", "two words", 'a "quote"', "50%"),
        folder=layout.folder,
        environment={"PERCENT": "100%", "SPACES": "a b"},
    )
    text = configuration(layout, [program])
    assert '"two words" "a \\"quote\\"" 50%%' in text
    assert 'PERCENT="100%%",SPACES="a b"' in text
    assert "chmod = 0600" in text


def test_the_password_file_keeps_devices_when_services_change(tmp_path: Path) -> None:
    mosquitto.prepare(tmp_path, 20_001, users={"vw_gateway": "first"})
    files = mosquitto.MosquittoFiles(folder=tmp_path)
    mosquitto.add_devices(files, {"watch-1": "$6$salt$hash"})
    mosquitto.add_devices(files, {"watch-1": "$6$salt$newer", "watch-2": "$6$salt$other"})
    mosquitto.prepare(tmp_path, 20_001, users={"vw_gateway": "second"})
    lines = files.passwords.read_text().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["vw_gateway", "watch-1", "watch-2"]
    assert lines[1] == "watch-1:$6$salt$newer"
    assert "second" not in files.passwords.read_text()


def test_definitions_hold_no_password() -> None:
    right = rabbitmq.Permission(user="vw_api", virtual_host="v", read="^events$")
    text = rabbitmq.definitions({"vw_api": "very-secret"}, ["v"], [right])
    assert "very-secret" not in text
    document = json.loads(text)
    assert document["permissions"] == [
        {"user": "vw_api", "vhost": "v", "configure": "", "write": "", "read": "^events$"}
    ]


def test_the_page_is_built_again_when_its_sources_change(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "package.json").write_text("{}")
    source = tmp_path / "src" / "main.ts"
    source.write_text("one")
    (tmp_path / "src" / "main.test.ts").write_text("test")
    before = digest_of_inputs(tmp_path)
    (tmp_path / "src" / "main.test.ts").write_text("another test")
    assert digest_of_inputs(tmp_path) == before
    source.write_text("two")
    assert digest_of_inputs(tmp_path) != before
