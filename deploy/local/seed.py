"""What a private system knows at its first start: a ward, people who log in, patients, devices.

Written as `vw_admin`, each row once; what is there stays. The devices are those of the simulators'
own table, so that the registry and the fleet cannot disagree.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import argon2

from deploy.local.layout import DATABASE, Layout
from deploy.local.processes import SIMULATION_SEED, RunOptions
from deploy.local.servers.command import LOOPBACK, write_private
from deploy.local.servers.mosquitto import password_hash
from devices.simulators.roster import demo_ward
from services.administration.settings import AdministrationSettings
from shared.contracts.identity import DeviceId, shard_of
from shared.database.pool import Database, Session
from shared.database.statements import load_statements
from shared.telemetry.metrics import Metrics

WARD = "ward-a"
# (user name, name shown, role); the first is shown first and waits for the first vital sign.
PEOPLE = (
    ("clinician", "Clinician on duty", "clinician"),
    ("nurse", "Nurse of ward A", "nurse"),
    ("technician", "Technician", "technician"),
    ("viewer", "Viewer", "viewer"),
    ("admin", "Administrator", "admin"),
    ("patient", "Patient of bed 01", "patient"),
)
CARING = frozenset(["clinician", "nurse", "viewer"])


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account of the demonstration with its generated password."""

    username: str
    password: str
    role: str

    def as_dict(self) -> dict[str, str]:
        """For connection.json."""
        return {"username": self.username, "password": self.password, "role": self.role}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """One bed of the demonstration: the patient in it and the device at it."""

    number: int
    device: DeviceId
    model: str

    @property
    def patient(self) -> str:
        """Opaque key of the patient, the same at each start."""
        alphabet = "23456789abcdefghjkmnpqrstuvwxyz"
        digest = hashlib.sha256(f"demonstration {self.device}".encode()).digest()
        return "p-" + "".join(alphabet[byte % len(alphabet)] for byte in digest[:5])

    @property
    def initials(self) -> str:
        """Two letters that belong to nobody."""
        return f"{chr(ord('A') + self.number % 26)}{chr(ord('A') + self.number * 7 % 26)}"


def users(layout: Layout) -> list[User]:
    """The accounts with the passwords of this system."""
    return [
        User(username=name, password=layout.secret(f"user_{name}"), role=role)
        for name, _, role in PEOPLE
    ]


def beds(options: RunOptions) -> list[Bed]:
    """Who is simulated or replayed in this run."""
    ward = (
        demo_ward(seed=SIMULATION_SEED, n_beds=max(options.patients, 1)) if options.patients else ()
    )
    return [Bed(number=bed.number, device=bed.device, model=bed.model) for bed in ward]


async def plant(layout: Layout, ports: Mapping[str, int], options: RunOptions) -> None:
    """Write the registry of a run, and the files with the secrets of its devices."""
    settings = AdministrationSettings(
        database_host=LOOPBACK,
        database_port=ports["postgres"],
        database_name=DATABASE,
        database_user="vw_admin",
        database_password_file=layout.secret_file("database_vw_admin"),
    )
    async with (
        Database.of(settings, instance="seed", metrics=Metrics("admin")) as database,
        database.transaction() as session,
    ):
        await _plant(session, layout, beds(options))


async def _plant(session: Session, layout: Layout, in_use: Sequence[Bed]) -> None:
    sql = load_statements("deploy.local")
    ward = await session.fetch_value(sql["put_ward"], WARD, "Ward A")
    team = await session.fetch_value(sql["put_care_team"], "team-a", "Team of ward A", ward)
    patients = {
        bed.number: await session.fetch_value(
            sql["put_patient"],
            bed.patient,
            bed.initials,
            date(1940 + bed.number * 11 % 60, 1 + bed.number % 12, 1 + bed.number % 28),
            ("female", "male")[bed.number % 2],
        )
        for bed in in_use
    }
    await session.execute(sql["end_other_stays"], ward, list(patients.values()))
    for bed in in_use:
        key = f"{bed.number:02d}"
        place = await session.fetch_value(sql["put_bed"], ward, key, f"Bed {key}")
        device = await session.fetch_value(
            sql["put_device"], bed.device, shard_of(bed.device), bed.model
        )
        await session.execute(sql["assign_device"], device, patients[bed.number])
        await session.execute(sql["lay_in_bed"], patients[bed.number], place)
        await _give_credential(session, layout, bed.device, device)
    for username, shown, role in PEOPLE:
        of_patient = patients.get(1) if role == "patient" else None
        if role == "patient" and of_patient is None:
            continue
        account = await session.fetch_value(sql["put_account"], username, shown, role, of_patient)
        if not await session.fetch_value(sql["has_password"], account):
            hashed = argon2.PasswordHasher().hash(layout.secret(f"user_{username}"))
            await session.execute(sql["put_password"], account, hashed)
        if role in CARING:
            await session.execute(sql["join_care_team"], team, account)


async def _give_credential(
    session: Session, layout: Layout, device: DeviceId, device_id: int
) -> None:
    """A secret for a device, unless the registry has one and its file is there."""
    sql = load_statements("deploy.local")
    path = layout.devices / device
    if await session.fetch_value(sql["credential_in_force"], device_id) and path.exists():
        return
    secret = secrets.token_urlsafe(32)  # 256 bits
    await session.execute(sql["revoke_credential"], device_id)
    await session.execute(sql["add_credential"], device_id, password_hash(secret))
    write_private(path, secret + "\n")
