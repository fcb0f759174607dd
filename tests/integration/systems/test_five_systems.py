"""The five device systems whole: native bytes through real brokers, to REST and the live socket.

What was put in is known to the count: a simulated device is a pure function of its seed and the
second, so the tests make it again and compare.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray

from devices.conformance.replay import Target, keys_of, replay
from devices.simulators import wellness_hall
from devices.simulators.native_source import NativeSource
from devices.simulators.ppg_terminal import PpgTerminal
from devices.simulators.radar import FULL_SCALE_V, GAIN, RadarMonitor
from devices.simulators.smsg_hub import HomeHub
from devices.simulators.telecare import TelecareMonitor
from devices.simulators.wellness import POSTURE_EACH_S, WellnessEcgNode
from services.dsp.core.motion.posture import Posture
from shared.contracts.identity import DeviceId
from shared.contracts.quality import FrameFlag
from shared.contracts.telecare_card import file_name
from tests.harness.eventually import eventually
from tests.integration.devices.embedded import EMBEDDED, compile_c, library, running
from tests.integration.systems.world import (
    World,
    captured,
    devices_of,
    instant,
    log_of,
    microseconds,
    world,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="module"),
]
FAULTS = "lead_off,low_battery,corrupt,clock_jump,reboot"
HUB, ECG_UNIT, OXIMETER, SPIROMETER = "sim-hub-01", "00000101", "00000102", "00000103"
C_SENDER = "c-sender-01"
TWIN = "twin-of-"
FROM_S, SECONDS = 2, 3  # of the samples that are compared
Expected = NDArray[np.floating[Any]]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def whole() -> AsyncIterator[World]:
    """One whole system; one patient of each system in order, and one of each with faults."""
    models = {name: one.model for first in (1, 2) for name, one in devices_of(first).items()}
    models |= {TWIN + name: models[name] for name in devices_of(1)}
    models[C_SENDER] = "vw-monitor"
    async with world(models) as found, captured(found, devices_of(1)):
        await found.take_map(wellness_hall.hall_map())
        await found.simulate(1)
        await found.simulate(2, faults=FAULTS)
        yield found


@functools.cache
def source(device: str) -> NativeSource:
    """The simulated device once more."""
    return devices_of(1)[device].source


def light(made: NativeSource, second: int) -> Expected:
    assert isinstance(made, PpgTerminal)
    return made.light(second).astype(float)


def leads(made: NativeSource, second: int) -> Expected:
    assert isinstance(made, TelecareMonitor)
    left_arm, left_leg, right_arm = made.words(second).astype(float).T
    counts = np.stack([left_arm - right_arm, left_leg - right_arm, left_leg - left_arm], axis=1)
    return counts * (2_000 * 1.8 / 1.4 / 65_536)


def quadrature(made: NativeSource, second: int) -> Expected:
    assert isinstance(made, RadarMonitor)
    return made.counts(second) * (FULL_SCALE_V / 2**23 / GAIN)


def hub_ecg(made: NativeSource, second: int) -> Expected:
    assert isinstance(made, HomeHub)
    return (made.counts(second) * (5.0 / 65_535) - 2.5)[:, None] * (1e3 / 600)


def node_ecg(made: NativeSource, second: int) -> Expected:
    assert isinstance(made, WellnessEcgNode)
    return (made.words(second) * (3.3 / 1024) - 1.65)[:, None] * (1e3 / 500)


SAMPLES: dict[str, tuple[str, str, str, Callable[[NativeSource, int], Expected], float]] = {
    "ppg_terminal": ("sim-ppg-01", "", "ppg", light, 0.0),
    "telecare": ("sim-telecare-01", "", "ecg", leads, 0.001),
    "radar": ("sim-radar-01", "", "radar_iq", quadrature, 1e-6),
    "smsg": (HUB, f"{HUB}--{ECG_UNIT}", "ecg", hub_ecg, 0.001),
    "wellness": ("sim-wellness-ecg-01", "", "ecg", node_ecg, 0.001),
}
"""Device, unit, stream, what it measured, and how exactly REST shows it."""


REPLAYED = 15  # messages of each device at least: a second each, or half of one
SETTLED_US = 8_000_000
COMPUTED = ("sim-ppg-01", HUB, "sim-wellness-ecg-01")
"""Of whose samples values are computed as they come."""
FRAMES = """
    select substr(d.device, $2) as device, f.boot, f.n, f.part, f.stream, f.place, f.t0,
        f.interval_ns, f.channels, f.format, f.scale, f.add_offset, f.flags & ~$3::integer as flags,
        f.samples
    from signal.frame f join registry.device d on d.id = f.device_id
    where (d.device = $1 or d.device like $1 || '--%') and f.boot = $4 and f.n < $5
    order by 1, f.boot, f.n, f.part
"""
VALUES = """
    select substr(d.device, $2) as device, v.t, x.measure, x.method,
        nullif(x.value, 'NaN') as value, x.quality
    from signal.vital v join registry.device d on d.id = v.device_id,
        unnest(v.measure, v.method, v.value, v.quality) as x (measure, method, value, quality)
    where (d.device = $1 or d.device like $1 || '--%') and v.t <= $3
    order by 1, v.t, x.measure, x.method
"""


@pytest.mark.timeout(600)
async def test_a_replayed_capture_gives_what_the_live_run_gives(whole: World) -> None:
    """First: a twin sends what was heard of each device, as if out of its journal."""
    await eventually(
        lambda: all(len(heard) > REPLAYED for heard in whole.captures.values()), within_s=60
    )
    captures = {device: list(heard) for device, heard in whole.captures.items()}
    done = await asyncio.gather(
        *(
            replay(
                heard,
                Target(
                    device=DeviceId(TWIN + device),
                    host="127.0.0.1",
                    port=whole.system.ports["mosquitto"],
                    secret=whole.system.secrets[TWIN + device],
                ),
            )
            for device, heard in captures.items()
        )
    )
    assert [one.unstored for one in done] == [[]] * len(captures)
    late = int(FrameFlag.LATE)  # which may be true of them now
    for device, heard in captures.items():
        boot, last = max(key for key in keys_of(heard) if key is not None)

        async def rows(query: str, *more: int, of: str = device) -> tuple[list[Any], list[Any]]:
            """Of the device and of its twin."""
            live = await whole.database.fetch(query, of, 1, *more)
            again = await whole.database.fetch(query, TWIN + of, 1 + len(TWIN), *more)
            return [tuple(row) for row in live], [tuple(row) for row in again]

        async def are_equal(query: str, *more: int, rows: Any = rows) -> bool:
            live, again = await rows(query, *more)
            return len(live) > 0 and bool(live == again)

        await eventually(functools.partial(are_equal, FRAMES, late, boot, last), within_s=30)
        live, _ = await rows(FRAMES, late, boot, last)
        assert len(live) >= 8, device
        if device in COMPUTED:
            settled_us = max(row[6] for row in live) - SETTLED_US

            async def are_there_again(rows: Any = rows, settled_us: int = settled_us) -> bool:
                """Of each five seconds that have a value one is kept, of late samples all."""
                live, again = (_by_moment(side) for side in await rows(VALUES, settled_us))
                assert live.keys() & again.keys()
                other = {key for key in live.keys() & again.keys() if live[key] != again[key]}
                assert not other, f"other values: {other}"
                left = _five_seconds(live) - _five_seconds(again)
                assert not left, f"no values: {left}"
                return True

            # At once, or soon, where this machine took its time and the samples were late.
            await eventually(are_there_again, within_s=60)


def _by_moment(rows: list[Any]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Value and quality by device, time, measure and method."""
    return {tuple(row[:4]): tuple(row[4:]) for row in rows}


def _five_seconds(values: dict[tuple[Any, ...], tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    return {(device, t // 5_000_000, *which) for device, t, *which in values}


async def test_motion_is_shown_as_posture_and_steps(whole: World) -> None:
    """Before the command that changes the rate of this node."""
    device = "sim-wellness-motion-01"
    began_us = await whole.started_us(device)
    names = [Posture.STANDING, Posture.SITTING]  # the first two of the simulated node

    async def shown(measure: str, from_s: int, to_s: int) -> list[float]:
        body = await whole.get(
            f"/v1/patients/{whole.patients[device]}/vitals", measure=measure,
            **{
                "from": instant(began_us + from_s * 1_000_000),
                "to": instant(began_us + to_s * 1_000_000),
            },
        )  # fmt: skip
        return [point["value"] for point in body["points"] if point["value"] is not None]

    def settled(place: int) -> tuple[int, int]:
        return place * POSTURE_EACH_S + 5, (place + 1) * POSTURE_EACH_S - 1

    async def all_is_told() -> bool:
        for place in range(len(names)):
            assert await shown("posture", *settled(place))
        return len(await shown("steps", 1, 2 * POSTURE_EACH_S)) >= 6

    await eventually(all_is_told, within_s=60, every_s=1.0)
    for place, name in enumerate(names):
        values = await shown("posture", *settled(place))
        assert set(values) == {float(name)}
    walked = sum(await shown("steps", 1, POSTURE_EACH_S + 5))
    assert 20 <= walked <= 1.8 * POSTURE_EACH_S + 2
    assert not sum(await shown("steps", POSTURE_EACH_S + 10, 2 * POSTURE_EACH_S))


async def test_a_node_is_shown_in_the_room_that_it_is_carried_to(whole: World) -> None:
    """The map was brought at the start; strengths and heading are the node's."""
    device = "sim-wellness-motion-01"
    began_us = await whole.started_us(device)
    path = f"/v1/patients/{whole.patients[device]}"
    right: list[bool] = []
    off_m: list[float] = []

    async def is_told() -> bool:
        right.clear()
        off_m.clear()
        track = await whole.get(f"{path}/track", **{"from": instant(began_us)})
        for item in track["items"]:
            if item["x"] is None or item["room"] is None:
                continue
            second = -(-(microseconds(item["t"]) - 1_000_000 - began_us) // 1_000_000)
            place, _ = wellness_hall.carried(second, 1)
            right.append(item["room"]["name"] == wellness_hall.room_at(place))
            off_m.append(float(np.hypot(*(place[0] - (item["x"], item["y"])))))
        return len(right) >= 4

    await eventually(is_told, within_s=60, every_s=1.0)
    assert np.mean(right) >= 0.75
    assert np.mean(off_m) < 3.0
    told = await whole.get(f"{path}/place", plan="true")
    assert told["place"]["room"]["site"] == wellness_hall.SITE
    assert {room["name"] for room in told["plan"]} == set(wellness_hall.ROOMS)


@pytest.mark.parametrize("system", SAMPLES)
async def test_rest_gives_the_samples_that_were_put_in(whole: World, system: str) -> None:
    device, unit, stream, measured, exactness = SAMPLES[system]
    start_us = await whole.started_us(device)
    begin_us = start_us + FROM_S * 1_000_000
    expected = np.concatenate(
        [measured(source(device), second) for second in range(FROM_S, FROM_S + SECONDS)]
    )
    shown: list[Any] = []

    async def are_there() -> bool:
        shown[:] = await whole.samples(device, stream, begin_us, SECONDS, of=unit)
        return sum(len(segment["values"][0]) for segment in shown) >= len(expected)

    await eventually(are_there, within_s=40)
    values = np.concatenate([np.array(segment["values"], float) for segment in shown], axis=1).T
    assert values.shape == expected.shape
    assert np.abs(values - expected).max() <= exactness
    assert abs(microseconds(shown[0]["start"]) - begin_us) <= 3_000


@pytest.mark.parametrize("system", SAMPLES)
async def test_the_live_socket_gives_them_too(whole: World, system: str) -> None:
    device, unit, stream, measured, exactness = SAMPLES[system]
    start_us = await whole.started_us(device)
    patient = whole.patients[device]
    async with whole.live() as socket:
        await socket.say(
            op="subscribe", id="a", patients=[patient], what=["waveforms"], streams=[stream]
        )
        header: dict[str, Any] = {}
        samples: list[int] = []
        while not samples:  # the first block of each stream has the whole header
            for found, numbers in await socket.hear_samples():
                if found.get("stream") == stream and not samples:
                    header, samples = found, numbers
    assert header["patient"] == patient
    shown = np.array(samples).reshape(-1, len(header["channels"])) * header["scale"]
    shown = shown + header.get("offset", 0.0)
    since_s = (header["t0"] - start_us) / 1e6
    second = int(since_s)
    # As much as one look at the stream has brought: a busy server brings more at a time.
    n_s = 2 + int(since_s - second + len(shown) / header["hz"])
    put_in = np.concatenate([measured(source(device), k) for k in range(second, second + n_s)])
    assert put_in.shape[1] == shown.shape[1]
    # A live block may be thinned, with peaks kept, and is rounded to 16 bits of its own scale.
    step = abs(header["scale"]) + exactness
    low, high = put_in.min(axis=0) - step, put_in.max(axis=0) + step
    assert ((shown >= low) & (shown <= high)).all()
    place = round((since_s - second) * len(put_in) / n_s)
    assert np.abs(put_in[max(0, place - 1) : place + 9] - shown[0]).min() <= step
    assert not unit or unit.startswith(device)


async def test_an_oximeter_and_a_spirometer_behind_the_hub_give_their_values(whole: World) -> None:
    start_us = await whole.started_us(HUB)
    hub = source(HUB)
    assert isinstance(hub, HomeHub)
    told = await whole.done(f"{HUB}--{SPIROMETER}", "clear_memory")
    assert told.endswith("results cleared")
    rows = await eventually(
        lambda: whole.database.fetch(
            "select f.t0, f.samples, f.scale from signal.frame f join registry.device d "
            "on d.id = f.device_id where d.device = $1 and f.stream = 23 order by f.n, f.part",
            f"{HUB}--{SPIROMETER}",
        ),
        within_s=20,
    )
    assert isinstance(rows, list)
    hub.second(0, start_us)
    blown = [result.fvc_ml for result in hub.memory]
    stored = [round(int.from_bytes(row["samples"], "little") * row["scale"] * 1e3) for row in rows]
    assert stored[: len(blown)] == blown
    truth = [hub.readings(second)[0] for second in range(4)]

    async def are_read() -> bool:
        spo2 = await whole.database.fetch(
            "select f.samples from signal.frame f join registry.device d on d.id = f.device_id "
            "where d.device = $1 and f.stream = 20 order by f.t0 limit 4",
            f"{HUB}--{OXIMETER}",
        )
        return [int.from_bytes(row["samples"], "little") for row in spo2] == truth

    await eventually(are_read, within_s=20)

    async def is_told() -> bool:
        kinds = [kind for kind, _ in await whole.events(HUB)]
        return kinds.count("unit_joined") == 3 and "memory_cleared" in kinds

    await eventually(is_told, within_s=15)


COMMANDS: list[tuple[str, str, dict[str, Any], str]] = [
    ("sim-ppg-01", "set_led_current", {"red_ma": 12.8, "infrared_ma": 6.4}, ""),
    ("sim-ppg-01", "show_text", {"text": "good morning"}, ""),
    ("sim-telecare-01", "status_request", {}, "battery 100 %"),
    ("sim-radar-01", "set_rate", {"rate_hz": 500}, ""),
    (HUB, "status_request", {}, f"{ECG_UNIT} ecg, {OXIMETER} oximeter, {SPIROMETER} spirometer"),
    (f"{HUB}--{ECG_UNIT}", "stop", {}, ""),
    (f"{HUB}--{ECG_UNIT}", "start", {}, ""),
    ("sim-wellness-ecg-01", "identify", {"seconds": 3}, ""),
    ("sim-wellness-motion-01", "set_rate", {"rate_hz": 25}, ""),
]


@pytest.mark.parametrize(("device", "name", "args", "says"), COMMANDS)
async def test_a_command_goes_round(
    whole: World, device: str, name: str, args: dict[str, Any], says: str
) -> None:
    await whole.started_us(device.split("--", maxsplit=1)[0])
    assert says in await whole.done(device, name, **args)


async def test_a_recording_is_read_from_the_card_and_stored_once(whole: World) -> None:
    device = "sim-telecare-01"
    start_us = await whole.started_us(device)

    async def stored() -> Any:
        return [data for kind, data in await whole.events(device) if kind == "file_stored"]

    try:
        files = await eventually(stored, within_s=40)
    except AssertionError:
        raise AssertionError(f"only {await whole.events(device)}") from None
    assert isinstance(files, list)
    monitor = source(device)
    assert isinstance(monitor, TelecareMonitor)
    for second in range(12):
        monitor.second(second, start_us + second * 1_000_000)
    assert files[0]["file"] in {file_name(name) for name in monitor.card.files}

    async def is_told() -> bool:
        return "recording_made" in [kind for kind, _ in await whole.events(device)]

    await eventually(is_told)


async def test_what_the_c_sender_sends_is_stored_once_and_shown(
    whole: World, tmp_path: Path
) -> None:
    sources = [*library(), EMBEDDED / "example" / "main.c"]
    program = compile_c(sources, tmp_path / "sender")
    secret = tmp_path / "secret"
    secret.write_text(whole.system.secrets[C_SENDER])
    port, n_messages = whole.system.ports["mosquitto"], 4
    async with running(program, port, C_SENDER, secret, n_messages, 1_000) as sender:
        assert await sender.until_ended(within_s=90) == 0, sender.said
    rows = await whole.database.fetch(
        "select f.n, f.boot, f.t0 from signal.frame f join registry.device d "
        "on d.id = f.device_id where d.device = $1 order by f.n",
        C_SENDER,
    )
    assert [row["n"] for row in rows] == list(range(n_messages))
    assert {row["boot"] for row in rows} == {sender.boot}
    (segment,) = await whole.samples(C_SENDER, "ecg", rows[0]["t0"], 1)
    millivolts = segment["values"][0]
    assert (millivolts[0], max(millivolts)) == (0.0, pytest.approx(1.0))


async def test_faults_are_seen_as_events(whole: World) -> None:
    everywhere = {"battery_low", "clock_jump", "device_online"}
    expected = {
        "sim-ppg-02": everywhere,
        "sim-telecare-02": {*everywhere, "lead_off", "lead_on", "message_refused"},
        "sim-radar-02": {*everywhere, "message_refused"},
        "sim-hub-02": {*everywhere, "status_changed", "unit_joined"},
        "sim-wellness-ecg-02": everywhere,
        "sim-wellness-motion-02": {*everywhere, "message_refused"},
    }
    missing: dict[str, set[str]] = {}

    async def all_are_there() -> bool:
        missing.clear()
        for device, kinds in expected.items():
            left = kinds - {kind for kind, _ in await whole.events(device)}
            if left:
                missing[device] = left
        return not missing

    try:
        await eventually(all_are_there, within_s=90, every_s=1.0)
    except AssertionError:
        raise AssertionError(f"{missing}\n{log_of(whole, 2)}") from None

    async def have_rebooted() -> bool:
        boots = await whole.database.fetch(
            "select split_part(d.device, '--', 1), count(distinct f.boot) from signal.frame f "
            "join registry.device d on d.id = f.device_id where d.device like '%-02%' group by 1"
        )
        return [count >= 2 for _, count in boots] == [True] * len(expected)

    await eventually(have_rebooted, within_s=20)
    conflicts = await whole.database.fetchval("select count(*) from signal.conflict")
    assert conflicts == 0


async def test_who_is_gone_is_seen_so_within_15_s(whole: World) -> None:
    """Last: it ends the devices."""
    own = [device for device in devices_of(1) if device in whole.patients]
    units = [f"{HUB}--{unit}" for unit in (ECG_UNIT, OXIMETER, SPIROMETER)]

    async def online() -> dict[str, bool]:
        body = await whole.get("/v1/devices", limit=100)
        return {item["device"]: item["online"] for item in body["items"]}

    async def all_are_online() -> bool:
        before = await online()
        assert all(before[device] for device in (*own, *units)), before
        return True

    await eventually(all_are_online)
    await whole.end_simulator(0)

    left: list[str] = []

    async def all_are_gone() -> bool:
        now = await online()
        left[:] = [device for device in (*own, *units) if now[device]]
        return not left

    try:
        await eventually(all_are_gone, within_s=15)
    except AssertionError:
        raise AssertionError(f"still online: {left}") from None
    after = await online()
    assert any(after[device] for device in after if device.endswith("-02")), "the others go on"
