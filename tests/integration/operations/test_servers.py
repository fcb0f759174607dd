"""What containers give the servers, taken by the servers themselves."""

import datetime as dt
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import asyncpg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.local.layout import DATABASE, PROJECT, ROLES
from deploy.local.servers import mosquitto, postgres
from deploy.local.servers.command import ServerCommand, base_environment, find_program, free_port
from deploy.local.servers.process import ServerProcess
from deploy.secret_files import PASSWORD_LINES, ROLES_SQL, make_secret_files
from services.administration.migrate import bring_up_to_date
from services.administration.settings import AdministrationSettings
from shared.runtime.clock import SystemClock
from shared.telemetry.metrics import Metrics
from tests.harness.postgres import PASSWORD, Postgres
from tests.harness.rabbitmq import VirtualHost

CONTAINER = PROJECT / "deploy/k8s/base/mosquitto"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    make_secret_files(folder)
    return folder


@pytest.fixture
def bare_postgres() -> Iterator[Postgres]:
    """One in which no role was ever made."""
    server = Postgres()
    try:
        yield server.start()
    finally:
        server.discard()


async def test_the_roles_are_made_and_the_administrator_can_migrate(
    bare_postgres: Postgres, virtual_host: VirtualHost, secrets: Path
) -> None:
    def run_as_superuser(database: str, *words: str) -> None:
        subprocess.run(
            [
                str(postgres.program_folder() / "psql"),
                f"postgresql://postgres@127.0.0.1:{bare_postgres.port}/{database}",
                "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--quiet", *words,
            ],
            env=base_environment() | {"PGPASSWORD": PASSWORD},
            check=True,
        )  # fmt: skip

    run_as_superuser("postgres", f"--command=create database {DATABASE}")
    for _ in range(2):  # once more after a password was drawn anew
        run_as_superuser(DATABASE, f"--file={secrets / ROLES_SQL}")
        (secrets / "database_vw_api").unlink()
        make_secret_files(secrets)
    run_as_superuser(DATABASE, f"--file={secrets / ROLES_SQL}")
    amqp_password = secrets / "amqp_of_test"
    amqp_password.write_text(virtual_host.password)
    amqp_password.chmod(0o600)
    settings = AdministrationSettings(
        amqp_port=virtual_host.port,
        amqp_vhost=virtual_host.name,
        amqp_user=virtual_host.user,
        amqp_password_file=amqp_password,
        database_port=bare_postgres.port,
        database_password_file=secrets / "database_vw_admin",
        retention_frames_mib=16,
        retention_late_mib=16,
        retention_vitals_mib=16,
        retention_events_mib=16,
    )
    made = await bring_up_to_date(settings, clock=SystemClock(), metrics=Metrics("admin"))
    assert made.incarnation == 1
    for role in ROLES:
        connection = await asyncpg.connect(
            host="127.0.0.1",
            port=bare_postgres.port,
            database=DATABASE,
            user=role,
            password=(secrets / f"database_{role}").read_text().strip(),
        )
        await connection.close()


def make_certificate(folder: Path) -> None:
    """A certificate for 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir()
    (folder / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "tls.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


async def test_mosquitto_takes_the_files_of_the_container(tmp_path: Path, secrets: Path) -> None:
    plain, tls = free_port(), free_port()
    root = tmp_path / "mosquitto"
    for folder in ("config/conf.d", "run", "data"):
        (root / folder).mkdir(parents=True)
    make_certificate(root / "tls")
    for source in ("mosquitto.conf", "acl", "conf.d/tls.conf"):
        text = (CONTAINER / source).read_text().replace("/mosquitto/", f"{root}/")
        text = text.replace("listener 1883", f"listener {plain} 127.0.0.1\nuser root")
        text = text.replace("listener 8883", f"listener {tls} 127.0.0.1")
        (root / "config" / source).write_text(text)
    lines = (secrets / PASSWORD_LINES).read_text() + mosquitto.password_lines({"vw-7": "sesame"})
    (root / "run/passwords").write_text(lines)
    server = ServerProcess(
        ServerCommand(
            name="mosquitto",
            argv=(
                str(find_program("mosquitto", package="mosquitto")),
                "-c",
                str(root / "config/mosquitto.conf"),
            ),
            folder=tmp_path,
            environment=base_environment(),
        ),
        is_ready=lambda: mosquitto.is_ready(plain),
    )
    server.start()
    try:
        server.wait_ready()
        assert int((root / "run/mosquitto.pid").read_text()) == server.process.pid
        trust = ssl.create_default_context(cafile=str(root / "tls/tls.crt"))
        gateway_password = (secrets / "mqtt_vw_gateway").read_text().strip()
        async with (
            aiomqtt.Client(
                "127.0.0.1", plain, username="vw_gateway", password=gateway_password,
                protocol=aiomqtt.ProtocolVersion.V5,
            ) as gateway,
            aiomqtt.Client(
                "localhost", tls, username="vw-7", password="sesame", tls_context=trust,
                protocol=aiomqtt.ProtocolVersion.V5,
            ) as device,
        ):  # fmt: skip
            await gateway.subscribe("vw1/+/+/up/#", qos=1)
            await device.publish("vw1/07/vw-7/up/frames", b"over TLS", qos=1)
            message = await anext(aiter(gateway.messages))
            assert message.payload == b"over TLS"
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client(
                "localhost", tls, username="vw-7", password="wrong", tls_context=trust,
                protocol=aiomqtt.ProtocolVersion.V5,
            ):  # fmt: skip
                pass
    finally:
        server.stop()
