"""THE table of processes of a private system: what each one is, and what it is told."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.layout import DATABASE, PROJECT, ROLES, SERVICES, VIRTUAL_HOST, Layout
from deploy.local.servers import mosquitto, postgres, rabbitmq
from deploy.local.servers.command import LOOPBACK, ServerCommand, base_environment
from deploy.local.supervision import Program
from services.administration.settings import AdministrationSettings
from shared.broker.topology import permissions

STAGE_SERVERS, STAGE_SERVICES, STAGE_PATIENTS = range(3)
GATEWAY_USER = "vw_gateway"
SIMULATOR = "simulators"
SYSTEMS = "device-systems"
SIMULATION_SEED = 1
RECORDINGS_MOST = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a person may choose for a run (the variables of `make run`).

    Parameters
    ----------
    patients : how many are simulated; 0 for none
    recordings : folder of recordings that are replayed as devices instead
    replicas : processes of each service
    systems : device systems with protocols of their own that are simulated besides, as
        ``smsg,radar`` or ``all``
    of_each : patients of each of these systems
    lanes : number of lanes when the system is made; an existing one keeps its own
    """

    patients: int = 8
    recordings: Path | None = None
    replicas: int = 1
    lanes: int = 2
    systems: str = ""
    of_each: int = 1


def instance_names(service: str, replicas: int) -> list[str]:
    """Names of the processes of a service: `dsp`, `dsp-2`, `dsp-3`."""
    return [service if number == 1 else f"{service}-{number}" for number in range(1, replicas + 1)]


def port_names(options: RunOptions) -> list[str]:
    """Everything that needs a port of its own."""
    names = ["mosquitto", "rabbitmq", "postgres"]
    for service in SERVICES:
        names += [f"{name}.monitor" for name in instance_names(service, options.replicas)]
    names += instance_names("api", options.replicas)
    return names


def server_programs(
    layout: Layout, ports: Mapping[str, int], *, with_cluster: bool = True
) -> list[Program]:
    """The two brokers and the database, prepared to start.

    Parameters
    ----------
    with_cluster : make the database's cluster where there is none, which takes a second or two

    Raises
    ------
    MissingServer, FolderNotPassable : what is missing, and how to get it
    """
    passwords = {role: layout.secret(f"amqp_{role}") for role in ROLES}
    rights = [
        rabbitmq.Permission(
            user=user,
            virtual_host=VIRTUAL_HOST,
            configure=right.configure,
            write=right.write,
            read=right.read,
        )
        for user, right in permissions().items()
    ]
    if with_cluster:
        make_cluster(layout)
    commands = [
        (
            rabbitmq.prepare(
                layout.rabbitmq,
                ports["rabbitmq"],
                definitions_json=rabbitmq.definitions(passwords, [VIRTUAL_HOST], rights),
            ),
            "TERM",
        ),
        (
            mosquitto.prepare(
                layout.mosquitto,
                ports["mosquitto"],
                gateway=GATEWAY_USER,
                users={GATEWAY_USER: layout.secret(f"mqtt_{GATEWAY_USER}")},
            ),
            "TERM",
        ),
        (
            postgres.command(layout.postgres, ports["postgres"]),
            "INT",
        ),
    ]
    return [_server(command, stop_signal) for command, stop_signal in commands]


def make_cluster(layout: Layout) -> None:
    """Make the database's cluster, unless it is there.

    Raises
    ------
    MissingServer, FolderNotPassable : it cannot be made, and how it can
    """
    postgres.create_cluster(layout.postgres, password=layout.secret("database_superuser"))


def _server(command: ServerCommand, stop_signal: str) -> Program:
    return Program(
        name=command.name,
        argv=command.argv,
        folder=command.folder,
        environment=command.environment,
        stage=STAGE_SERVERS,
        stop_signal=stop_signal,
        stop_wait_s=30,
    )


def service_programs(
    layout: Layout, ports: Mapping[str, int], options: RunOptions
) -> list[Program]:
    """Our own services, each with its own users and a monitor port."""
    programs = []
    for service in SERVICES:
        if not (PROJECT / "services" / service / "__main__.py").exists():
            continue
        for name in instance_names(service, options.replicas):
            environment = common_environment(layout, ports, f"vw_{service}")
            environment |= {
                "VITALWIRE_INSTANCE": name,
                "VITALWIRE_MONITOR_PORT": str(ports[f"{name}.monitor"]),
            }
            if service == "gateway":
                environment |= gateway_environment(layout, ports)
            if service == "dsp":
                environment |= dsp_environment(layout, name)
            if service == "api":
                environment |= api_environment(layout, ports[name])
            programs.append(
                Program(
                    name=name,
                    argv=(sys.executable, "-m", f"services.{service}"),
                    folder=PROJECT,
                    environment=environment,
                    stage=STAGE_SERVICES,
                )
            )
    return programs


def patient_programs(
    layout: Layout, ports: Mapping[str, int], options: RunOptions
) -> list[Program]:
    """The simulators, or the replay of recordings; none when nobody is simulated."""
    environment = base_environment() | {
        "HOME": str(layout.folder),
        "PYTHONUNBUFFERED": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "VITALWIRE_INSTANCE": SIMULATOR,
        "VITALWIRE_MQTT_HOST": LOOPBACK,
        "VITALWIRE_MQTT_PORT": str(ports["mosquitto"]),
        "VITALWIRE_SIMULATE_CREDENTIALS": str(layout.devices),
        "VITALWIRE_SIMULATE_JOURNALS": str(layout.folder / "journals"),
        "VITALWIRE_SIMULATE_REPLAY_FILE": str(layout.folder / "replay.json"),
        "VITALWIRE_SIMULATE_SEED": str(SIMULATION_SEED),
    }
    programs = []
    if options.systems:
        programs.append(
            _simulator(
                SYSTEMS,
                environment
                | {
                    "VITALWIRE_SIMULATE_SYSTEMS": options.systems,
                    "VITALWIRE_SIMULATE_COUNT": str(options.of_each),
                },
            )
        )
    if options.patients == 0 and options.recordings is None:
        return programs
    if options.recordings is not None:
        environment["VITALWIRE_SIMULATE_RECORDINGS"] = str(options.recordings)
        environment["VITALWIRE_SIMULATE_RECORDINGS_MOST"] = str(RECORDINGS_MOST)
    else:
        environment["VITALWIRE_SIMULATE_BEDS"] = str(options.patients)
    return [_simulator(SIMULATOR, environment), *programs]


def _simulator(name: str, environment: Mapping[str, str]) -> Program:
    return Program(
        name=name,
        argv=(sys.executable, "-m", "services.command_line", "simulate"),
        folder=PROJECT,
        environment={**environment, "VITALWIRE_INSTANCE": name},
        stage=STAGE_PATIENTS,
    )


def common_environment(layout: Layout, ports: Mapping[str, int], user: str) -> dict[str, str]:
    """How a process of ours reaches RabbitMQ and PostgreSQL as its own user."""
    return base_environment() | {
        "HOME": str(layout.folder),
        "PYTHONUNBUFFERED": "1",
        "OPENBLAS_NUM_THREADS": "1",  # one process a lane keeps the cores busy, not one a matrix
        "VITALWIRE_AMQP_HOST": LOOPBACK,
        "VITALWIRE_AMQP_PORT": str(ports["rabbitmq"]),
        "VITALWIRE_AMQP_VHOST": VIRTUAL_HOST,
        "VITALWIRE_AMQP_USER": user,
        "VITALWIRE_AMQP_PASSWORD_FILE": str(layout.secret_file(f"amqp_{user}")),
        "VITALWIRE_DATABASE_HOST": LOOPBACK,
        "VITALWIRE_DATABASE_PORT": str(ports["postgres"]),
        "VITALWIRE_DATABASE_NAME": DATABASE,
        "VITALWIRE_DATABASE_USER": user,
        "VITALWIRE_DATABASE_PASSWORD_FILE": str(layout.secret_file(f"database_{user}")),
    }


def dsp_environment(layout: Layout, name: str) -> dict[str, str]:
    """Where the signal processing keeps its windows, and memory that it keeps at hand.

    Its arrays of a second are large: given back to the system each time they cost a sixth of its
    processor time as page faults. The images say the same (`deploy/images/Dockerfile`).
    """
    return {
        "VITALWIRE_DSP_STATE_FOLDER": str(layout.folder / "dsp" / name),
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
        "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
    }


def gateway_environment(layout: Layout, ports: Mapping[str, int]) -> dict[str, str]:
    """How the gateway reaches mosquitto, and where it writes the credentials of devices."""
    files = mosquitto.MosquittoFiles(folder=layout.mosquitto)
    return {
        "VITALWIRE_MQTT_HOST": LOOPBACK,
        "VITALWIRE_MQTT_PORT": str(ports["mosquitto"]),
        "VITALWIRE_MQTT_USER": GATEWAY_USER,
        "VITALWIRE_MQTT_PASSWORD_FILE": str(layout.secret_file(f"mqtt_{GATEWAY_USER}")),
        "VITALWIRE_GATEWAY_PASSWORD_FILE_OUT": str(files.passwords),
        "VITALWIRE_GATEWAY_PASSWORD_BASE_FILE": str(files.service_passwords),
        "VITALWIRE_GATEWAY_MQTT_PID_FILE": str(files.pid),
    }


def api_environment(layout: Layout, port: int) -> dict[str, str]:
    """Where the api listens, what it serves, and its signing key."""
    page = PROJECT / "web" / "dist"
    page.mkdir(parents=True, exist_ok=True)  # it may be built while the api starts
    return {
        "VITALWIRE_API_PORT": str(port),
        "VITALWIRE_API_TOKEN_KEY_FILE": str(layout.secret_file("api_token_key")),
        "VITALWIRE_API_WEB_FOLDER": str(page),
    }


def administration_settings(
    layout: Layout, ports: Mapping[str, int], *, lanes: int
) -> AdministrationSettings:
    """What `vitalwire migrate` would read from its environment."""
    return AdministrationSettings(
        amqp_host=LOOPBACK,
        amqp_port=ports["rabbitmq"],
        amqp_vhost=VIRTUAL_HOST,
        amqp_user="vw_admin",
        amqp_password_file=layout.secret_file("amqp_vw_admin"),
        database_host=LOOPBACK,
        database_port=ports["postgres"],
        database_name=DATABASE,
        database_user="vw_admin",
        database_password_file=layout.secret_file("database_vw_admin"),
        lanes=lanes,
    )


def administrator_environment(layout: Layout, ports: Mapping[str, int]) -> dict[str, str]:
    """What `vitalwire migrate` and `doctor` are told."""
    return common_environment(layout, ports, "vw_admin")
