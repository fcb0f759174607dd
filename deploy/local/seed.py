"""What a private system knows at its first start: a ward, people who log in, patients, devices.

Written as `vw_admin`, each row once; what is there stays. The devices are those of the simulators'
own table, so that the registry and the fleet cannot disagree.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import argon2
import msgspec

from deploy.local.layout import Layout
from deploy.local.people import CARING, PEOPLE
from deploy.local.processes import RECORDINGS_MOST, SIMULATION_SEED, RunOptions
from deploy.local.servers.command import write_private
from deploy.local.servers.mosquitto import password_hash
from devices.simulators.recordings import load_recordings
from devices.simulators.roster import demo_ward
from devices.simulators.systems import read_systems, simulated_devices
from devices.simulators.wellness_hall import hall_map
from shared.contracts.identity import DeviceId, shard_of
from shared.contracts.place_maps import PlaceMap, checked, stored_points
from shared.database.pool import Database, Session
from shared.database.statements import load_statements

WARD = "ward-a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """One bed of the demonstration: the patient in it and the device at it."""

    number: int
    device: DeviceId
    model: str
    wearer: str = ""
    """Whose patient it is on, where several devices are worn by one; else its own."""

    @property
    def patient(self) -> str:
        """Opaque key of the patient, the same at each start."""
        alphabet = "23456789abcdefghjkmnpqrstuvwxyz"
        digest = hashlib.sha256(f"demonstration {self.wearer or self.device}".encode()).digest()
        return "p-" + "".join(alphabet[byte % len(alphabet)] for byte in digest[:5])

    @property
    def initials(self) -> str:
        """Two letters that belong to nobody."""
        return f"{chr(ord('A') + self.number % 26)}{chr(ord('A') + self.number * 7 % 26)}"


def beds(options: RunOptions) -> list[Bed]:
    """Who is simulated or replayed in this run."""
    ward = _ward(options)
    systems = simulated_devices(
        read_systems(options.systems), count=options.of_each, seed=SIMULATION_SEED
    )
    worn: dict[int, str] = {}
    for one in systems:
        worn.setdefault(one.wearer, one.device)
    return ward + [
        Bed(
            number=len(ward) + one.wearer,
            device=one.device,
            model=one.model,
            wearer=worn[one.wearer],
        )
        for one in systems
    ]


def _ward(options: RunOptions) -> list[Bed]:
    if options.recordings is not None:
        recordings, _ = load_recordings(options.recordings, most=RECORDINGS_MOST)
        return [
            Bed(number=number, device=recording.device, model=recording.model)
            for number, recording in enumerate(recordings, start=1)
        ]
    if options.patients == 0:
        return []
    ward = demo_ward(seed=SIMULATION_SEED, n_beds=options.patients)
    return [Bed(number=bed.number, device=bed.device, model=bed.model) for bed in ward]


async def plant(database: Database, layout: Layout, options: RunOptions) -> dict[str, str]:
    """Write the registry of a run, and the files with the secrets of its devices.

    Gives the hash of each device's secret, as mosquitto takes it.
    """
    async with database.transaction() as session:
        if "wellness" in read_systems(options.systems):
            await _plant_map(session)
        return await _plant(session, layout, beds(options))


async def _plant(session: Session, layout: Layout, in_use: Sequence[Bed]) -> dict[str, str]:
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
    hashes: dict[str, str] = {}
    for bed in in_use:
        key = f"{bed.number:02d}"
        place = await session.fetch_value(sql["put_bed"], ward, key, f"Bed {key}")
        device = await session.fetch_value(
            sql["put_device"], bed.device, shard_of(bed.device), bed.model
        )
        await session.execute(sql["assign_device"], device, patients[bed.number])
        await session.execute(sql["lay_in_bed"], patients[bed.number], place)
        hashes[bed.device] = await _give_credential(session, layout, bed.device, device)
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
    return hashes


async def _plant_map(session: Session) -> None:
    """The map of the hall in which simulated nodes of system E are carried."""
    sql = load_statements("deploy.local")
    hall = checked(msgspec.convert(hall_map(), PlaceMap))
    number = await session.fetch_value(
        sql["put_map"], hall.site, hall.floor, list(hall.access_points), len(hall.points),
        stored_points(hall), hall.digest,
    )  # fmt: skip
    if number is None:
        return
    for place, room in enumerate(hall.rooms):
        await session.execute(sql["put_room"], number, place, room.name, room.outline)
    await session.execute(sql["use_map"], number)


async def _give_credential(
    session: Session, layout: Layout, device: DeviceId, device_id: int
) -> str:
    """The hash of a device's secret: a new one, unless registry and file have one already."""
    sql = load_statements("deploy.local")
    path = layout.devices / device
    in_force = await session.fetch_value(sql["credential_in_force"], device_id)
    if in_force and path.exists():
        return str(in_force)
    secret = secrets.token_urlsafe(32)  # 256 bits
    await session.execute(sql["revoke_credential"], device_id)
    hashed = password_hash(secret)
    await session.execute(sql["add_credential"], device_id, hashed)
    write_private(path, secret + "\n")
    return hashed
