"""Joins the simulators: reads credentials, makes the patients or the replay, runs the fleet."""

import structlog

from devices.simulators.bedside_monitor import BedsideMonitor
from devices.simulators.faults_on_request import read_faults
from devices.simulators.fleet import Broker, Fleet, FleetMember
from devices.simulators.metrics import SimulatorMetrics
from devices.simulators.native_fleet import NativeFleet
from devices.simulators.recordings import Recording, load_recordings
from devices.simulators.replay import Replay, write_replay_file
from devices.simulators.roster import demo_ward
from devices.simulators.settings import SimulateSettings
from devices.simulators.systems import SimulatedDevice, read_systems, simulated_devices
from shared.contracts.identity import DeviceId
from shared.errors import Misconfigured
from shared.runtime.service import Runtime
from shared.runtime.settings import read_secret

log = structlog.get_logger()
SECOND_US = 1_000_000


async def bootstrap(settings: SimulateSettings, runtime: Runtime) -> None:
    """Name the one loop of the fleet; second 0 begins with the next whole second."""
    start_us = (runtime.clock.now_us() // SECOND_US + 1) * SECOND_US
    broker = Broker(
        host=settings.mqtt_host, port=settings.mqtt_port, journals=settings.simulate_journals
    )
    metrics = SimulatorMetrics(runtime.metrics)
    if settings.simulate_systems:
        devices = devices_of(settings)
        secrets = {one.device: _secret(settings, one.device) for one in devices}
        native = NativeFleet(devices, secrets, broker, start_us=start_us, on_sent=metrics.sent)
        log.info("fleet_made", devices=len(devices), systems=settings.simulate_systems)
        runtime.loop("fleet", native.run)
        return
    if settings.simulate_recordings is None:
        members = [
            FleetMember(
                device=bed.device,
                secret=_secret(settings, bed.device),
                source=BedsideMonitor(bed),
                reported={"channels": {"ecg": list(bed.leads)}},
            )
            for bed in demo_ward(seed=settings.simulate_seed, n_beds=settings.simulate_beds)
        ]
    else:
        recordings = load_all(settings)
        write_replay_file(settings.simulate_replay_file, recordings, start_us)
        members = [
            FleetMember(
                device=recording.device,
                secret=_secret(settings, recording.device),
                source=Replay(recording),
                reported={
                    "channels": {
                        each.stream.name.lower(): list(each.channels) for each in recording.streams
                    }
                },
            )
            for recording in recordings
        ]
    fleet = Fleet(members, broker, start_us=start_us, on_sent=metrics.sent)
    log.info("fleet_made", devices=len(members))
    runtime.loop("fleet", fleet.run)


def devices_of(settings: SimulateSettings) -> tuple[SimulatedDevice, ...]:
    """The devices of the systems that are asked for.

    Raises
    ------
    Misconfigured : a system or a fault is none
    """
    try:
        return simulated_devices(
            read_systems(settings.simulate_systems),
            count=settings.simulate_count,
            seed=settings.simulate_seed,
            first=settings.simulate_first,
            faults=read_faults(settings.simulate_faults),
        )
    except ValueError as error:
        raise Misconfigured(f"VITALWIRE_SIMULATE_SYSTEMS, _FAULTS: {error}") from error


def load_all(settings: SimulateSettings) -> list[Recording]:
    """The recordings that are to be replayed; a file that cannot be is told and left out.

    Raises
    ------
    Misconfigured : there is none
    """
    folder = settings.simulate_recordings
    if folder is None or not folder.is_dir():
        raise Misconfigured(f"VITALWIRE_SIMULATE_RECORDINGS: {folder} is no folder")
    recordings, left_out = load_recordings(folder, most=settings.simulate_recordings_most)
    for reason in left_out:
        log.warning("recording_left_out", reason=reason)
    if not recordings:
        raise Misconfigured(f"VITALWIRE_SIMULATE_RECORDINGS: {folder} holds nothing to replay")
    return recordings


def _secret(settings: SimulateSettings, device: DeviceId) -> str:
    path = settings.simulate_credentials / device
    return read_secret(path, "SIMULATE_CREDENTIALS").get_secret_value()
