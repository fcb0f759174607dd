"""What hours of the past do to those who live now: rounds of three windows for each way they come.

`upload`: a device of the SDK that was offline for a day uploads its journal. `import`: a person
brings recordings of an hour with ``vitalwire import``, one after the other. A round is a quiet
window, one of the same length in which the past comes all the time, and one more from when the
last of it came, in which dsp computes it in its own time. Then it is waited until nothing is left
of it, so that each quiet window is quiet.

The others are devices that send a second of ECG each second, all of them watched. Told is the
median over the rounds of p99 beside the past / p99 quiet, for the socket and for the commit.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import argon2
import numpy as np

from deploy.local.layout import PROJECT
from shared.recordings.edf_plus import EdfFile, EdfSignal, encode_edf
from tests.performance.generator import RATE_HZ, SCALE_MV, ecg_seconds
from tests.performance.rude import OTHERS, UPLOADER, ratio, uploader_of, window
from tests.performance.systems import MeasuredSystem
from tests.performance.whole import WARM_S, Fleet, Running, running

PROMISED = 1.10
HOUR_S = 3_600
RECORDINGS = 24  # of an hour, a round: more than are brought in its window
RECORDED_DAYS_AGO = 9  # the journal of the device reaches back one day
WORN_DAYS = 30
DONE_WITHIN_S = 300.0
LOOK_S = 1.0
IMPORTER, IMPORTER_PASSWORD = "importer", "brings-while-it-is-measured"
ADD_IMPORTER = """
    with account as (
        insert into access.account (username, display_name, role)
        values ($1, 'Importer of the benchmark', 'technician') returning id
    )
    insert into access.password (account_id, password_hash) select id, $2 from account
"""
WORN_BEFORE = """
    update registry.assignment set starts = starts - $1::interval
    where device_id in (select id from registry.device where device = any($2::text[]))
"""
BROUGHT_S = """
    select coalesce(sum((f.ends_us - f.starts_us) / 1e6 * f.n_stored / f.n_pieces), 0)::float8
    from gateway.file f join registry.device d on d.id = f.device_id
    where d.device = $1 and f.n_pieces > 0
"""
WAITING = """
    select count(*) from dsp.late_interval l join registry.device d on d.id = l.device_id
    where d.device = $1
"""
PARTS = ("coming", "computed")
Past = Callable[[float], Awaitable[dict[str, Any]]]


async def rounds(
    number: int, seconds: float, *, backlog_messages: int
) -> dict[str, list[dict[str, Any]]]:
    """Rounds of three windows for each way."""
    recorders = [f"recorder-{n:03d}" for n in range(number)]
    found: dict[str, list[dict[str, Any]]] = {}
    async with AsyncExitStack() as stack:
        run = await stack.enter_async_context(
            running(Fleet(waves=OTHERS), watched=OTHERS, others=[UPLOADER, *recorders])
        )
        await _prepare(run.system, [UPLOADER, *recorders])
        files = await asyncio.to_thread(_recordings, run.system.folder)
        uploader = await stack.enter_async_context(uploader_of(run.system, backlog_messages))

        async def upload(for_s: float) -> dict[str, Any]:
            return await uploader.ask({"seconds": for_s})  # a message is a second

        await run.send(WARM_S)
        for index, recorder in enumerate(recorders):

            def bring(for_s: float, device: str = recorder) -> Awaitable[dict[str, Any]]:
                return _brought(run.system, device, files, for_s)

            ways: dict[str, Past] = {"upload": upload, "import": bring}
            for name, past in ways.items():
                device = UPLOADER if name == "upload" else recorder
                one = await _round(run, seconds, device, past)
                if name == "import":
                    one["hours"] = await _brought_s(run.system, recorder) / HOUR_S
                found.setdefault(name, []).append(one)
                print(f"{name} {index + 1} of {number}: {_said(found[name][-1])}", flush=True)
    return found


async def _round(run: Running, seconds: float, device: str, past: Past) -> dict[str, Any]:
    """Quiet, beside what comes, beside what is computed; then all of it is let end."""
    quiet = await window(run, seconds, None)
    coming = await window(run, seconds, past(seconds - 1.0))
    computed = await window(run, seconds, None)
    took_s = await _all_computed(run.system, device)
    return {
        "quiet": quiet,
        "coming": coming,
        "computed": computed,
        "hours": coming["rude"]["stored"] / HOUR_S,
        "computed_after_s": None if took_s is None else took_s + seconds,
    }


async def _prepare(system: MeasuredSystem, devices: Sequence[str]) -> None:
    """Somebody wore the devices all the time, and somebody may bring their recordings."""
    connection = await system.connect()
    try:
        await connection.execute(WORN_BEFORE, timedelta(days=WORN_DAYS), list(devices))
        hashed = argon2.PasswordHasher().hash(IMPORTER_PASSWORD)
        await connection.execute(ADD_IMPORTER, IMPORTER, hashed)
    finally:
        await connection.close()
    secret = _password_file(system)
    secret.touch(mode=0o600)
    secret.write_text(IMPORTER_PASSWORD)


def _password_file(system: MeasuredSystem) -> Path:
    return system.folder / "importer.password"


def _recordings(folder: Path) -> list[Path]:
    """A day of one patient as files of an hour."""
    minute = np.concatenate([np.frombuffer(second, "<i2") for second in ecg_seconds(1)])
    counts = np.resize(minute, HOUR_S * RATE_HZ)
    limit = 32_767
    lead = EdfSignal(
        label="ECG I", unit="mV", physical_min=-limit * SCALE_MV, physical_max=limit * SCALE_MV,
        digital_min=-limit, digital_max=limit, rate_hz=RATE_HZ, counts=counts,
    )  # fmt: skip
    began = datetime.now(UTC) - timedelta(days=RECORDED_DAYS_AGO)
    paths = []
    for hour in range(RECORDINGS):
        start = began + timedelta(hours=hour)
        file = EdfFile(
            patient="X X X X", recording="Startdate X X X X",
            start=start.strftime("%d.%m.%y %H.%M.%S"), record_s=1.0, signals=(lead,),
            record_onsets_s=tuple(map(float, range(HOUR_S))),
        )  # fmt: skip
        paths.append(folder / f"hour-{hour:02d}.edf")
        paths[-1].write_bytes(encode_edf(file))
    return paths


async def _brought(
    system: MeasuredSystem, device: str, files: Sequence[Path], for_s: float
) -> dict[str, Any]:
    """Bring recordings of a device with the console until the time is over."""
    began_s = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.command_line", "import",
        "--device", device, "--server", system.url, "--user", IMPORTER,
        "--password-file", str(_password_file(system)), *map(str, files),
        cwd=PROJECT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    talking = asyncio.create_task(process.communicate())
    done, _ = await asyncio.wait([talking], timeout=for_s)
    if not done:
        process.terminate()
    said, _ = await talking
    text = said.decode(errors="replace")
    if done and process.returncode != 0:
        raise RuntimeError(f"vitalwire import ended with {process.returncode}: {text[-2_000:]}")
    stored = text.count(": stored: ") * HOUR_S
    return {"stored": stored, "took_s": time.monotonic() - began_s}


async def _brought_s(system: MeasuredSystem, device: str) -> float:
    """Seconds of the recordings of a device that are stored."""
    connection = await system.connect()
    try:
        return float(await connection.fetchval(BROUGHT_S, device))
    finally:
        await connection.close()


async def _all_computed(system: MeasuredSystem, device: str) -> float | None:
    """Wait until dsp has nothing left of a past; gives how long, or none if it did not end."""
    began_s = time.monotonic()
    connection = await system.connect()
    try:
        while (waited_s := time.monotonic() - began_s) < DONE_WITHIN_S:
            if await connection.fetchval(WAITING, device) == 0:
                return waited_s
            await asyncio.sleep(LOOK_S)
    finally:
        await connection.close()
    return None


def moved(found: Sequence[dict[str, Any]], part: str, name: str = "socket_p99_ms") -> float:
    """The median over the rounds of how much more a part had than the quiet window."""
    pairs = [{"quiet": one["quiet"], "disturbed": one[part]} for one in found]
    return float(statistics.median(ratio(pair, name) for pair in pairs))


def is_kept(found: dict[str, list[dict[str, Any]]]) -> bool:
    """Whether live moved by less than a tenth, and hours came."""
    return all(
        all(one["hours"] > 0 for one in of_way)
        and all(moved(of_way, part) < PROMISED for part in PARTS)
        for of_way in found.values()
    )


def told(found: dict[str, list[dict[str, Any]]]) -> str:
    """The medians as a table for a person."""
    lines = [
        "| beside | hours | socket p99 ms: quiet, beside | ratios | median | commit p99 | median |",
        "|---|---|---|---|---|---|---|",
    ]
    for way, of_way in found.items():
        hours = statistics.median(one["hours"] for one in of_way)
        for part in PARTS:
            cells = [f"{way}, {part}", f"{hours:.1f}"]
            for name in ("socket_p99_ms", "commit_p99_ms"):
                both = [
                    f"{statistics.median(one[side][name] for one in of_way):.0f}"
                    for side in ("quiet", part)
                ]
                cells.append(", ".join(both))
                if name == "socket_p99_ms":
                    each = [f"{moved([one], part, name):.2f}" for one in of_way]
                    cells.append(", ".join(each))
                cells.append(f"**{moved(of_way, part, name):.2f}**")
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _said(one: dict[str, Any]) -> str:
    ratios = ", ".join(f"{part} {moved([one], part):.2f}" for part in PARTS)
    after_s = one["computed_after_s"]
    ended = "not computed in time" if after_s is None else f"computed {after_s:.0f} s later"
    return f"{one['hours']:.1f} hours, {ended}; socket p99 {ratios}"
