"""Settings of the simulators."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from devices.simulators.recordings import MOST_RECORDINGS
from shared.runtime.settings import MqttSettings, ServiceSettings


class SimulateSettings(MqttSettings, ServiceSettings):
    """Read from ``VITALWIRE_MQTT_*`` and ``VITALWIRE_SIMULATE_*``."""

    service: ClassVar[str] = "simulate"

    simulate_credentials: Path = Field(
        default=Path("credentials"),
        description="Folder with a file for each device id that holds its secret, mode 0600",
    )
    simulate_journals: Path = Field(
        default=Path("journals"), description="Folder for the journals of the devices"
    )
    simulate_seed: int = Field(default=1, ge=0, le=4_000_000, description="Seed of the patients")
    simulate_beds: int = Field(
        default=8, ge=1, le=1_000, description="Simulated patients; 8 make the demo ward"
    )
    simulate_recordings: Path | None = Field(
        default=None, description="Folder of WFDB, EDF+ or npz files to replay instead of patients"
    )
    simulate_recordings_most: int = Field(
        default=MOST_RECORDINGS,
        ge=1,
        le=1_000,
        description="Records to replay at most, in order of their names",
    )
    simulate_replay_file: Path = Field(
        default=Path("replay.json"),
        description="Where the start of a replay is written, so that references can be mapped",
    )
    simulate_systems: str = Field(
        default="",
        description="Systems with protocols of their own to simulate instead of the ward: "
        "ppg_terminal, telecare, radar, smsg, wellness, with commas between them, or all",
    )
    simulate_count: int = Field(
        default=1, ge=1, le=1_000, description="Patients of each of these systems"
    )
    simulate_first: int = Field(
        default=1, ge=1, le=9_000, description="Number of the first of them, as in its device id"
    )
    simulate_faults: str = Field(
        default="",
        description="What goes wrong with them: lead_off, noise, low_battery, disconnect, "
        "duplicate, reorder, corrupt, clock_jump, reboot, with commas between them, or all",
    )
