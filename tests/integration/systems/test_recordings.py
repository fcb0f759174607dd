"""Recordings through the whole system: brought, computed at their own time, given out the same."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray

from services.administration.importing import Login, import_all
from shared.contracts.file_reading import FileReader, ReadFile
from shared.contracts.frames import SAMPLE_DTYPES
from shared.recordings.csv_file import read_csv
from shared.recordings.edf_file import read_edf
from shared.recordings.edf_plus import EdfFile, EdfSignal, encode_edf
from shared.recordings.wfdb_file import read_wfdb
from tests.harness.eventually import eventually
from tests.integration.systems.world import PASSWORD, USER, World, instant, world
from tests.unit.services.dsp import bodies

pytestmark = [pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]
DEVICE = "holter-1"
METER = "flow-1"
RATE_HZ = 250
SECONDS = 180
BEATS_PER_MIN = 150.0  # above every limit of an alarm
DAYS_AGO = 2


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def whole() -> AsyncIterator[World]:
    """One whole system, with a recorder and a flow meter that are never connected."""
    async with world({DEVICE: "vw-monitor", METER: "vw-monitor"}) as found:
        yield found


def leads() -> NDArray[np.float64]:
    """(samples, leads) in mV: a fast regular heart."""
    times = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    since = np.mod(times, 60.0 / BEATS_PER_MIN) - 0.12
    first = 1.1 * np.exp(-((since / 0.011) ** 2) / 2) - 0.25 * np.exp(
        -(((since - 0.03) / 0.01) ** 2) / 2
    )
    first += 0.2 * np.exp(-(((since - 0.18) / 0.03) ** 2) / 2)
    return np.stack([first, 0.6 * first], axis=1)


def recording(start_us: int, values: NDArray[np.float64]) -> bytes:
    """It as EDF+."""
    begin = datetime.fromtimestamp(start_us // 1_000_000, UTC)
    signals = tuple(
        EdfSignal(
            f"ECG {name}", "mV", -8.0, 8.0, -8_000, 8_000, RATE_HZ,
            np.rint(values[:, index] * 1_000).astype(np.int16), f"{DEVICE} chest",
        )
        for index, name in enumerate(("I", "II"))
    )  # fmt: skip
    return encode_edf(
        EdfFile(
            patient="X X X X", recording="Startdate X X X X",
            start=begin.strftime("%d.%m.%y %H.%M.%S"), record_s=1.0, signals=signals,
            record_onsets_s=tuple(map(float, range(SECONDS))),
        )
    )  # fmt: skip


async def bring(whole: World, paths: Sequence[Path], **params: Any) -> tuple[int, str]:
    """What the console does; gives how many were not stored, and what it said."""
    out = io.StringIO()
    login = Login(url=str(whole.http.base_url), user=USER, password=PASSWORD)
    async with asyncio.timeout(240):
        n_bad = await import_all(paths, login, {"device": DEVICE, **params}, out=out)
    return n_bad, out.getvalue()


def columns(read: object) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times (us) and samples (samples, leads) of a file."""
    assert isinstance(read, ReadFile), read
    times, values = [], []
    for piece in read.pieces():
        for frame in piece.frames:
            raw = np.frombuffer(frame.data, SAMPLE_DTYPES[frame.format])
            values.append(raw.reshape(-1, frame.channels) * frame.scale + frame.offset)
            begin_us = piece.t_us + frame.dt_us
            times.append(begin_us + np.arange(frame.samples) * frame.interval_ns / 1_000)
    return np.concatenate(times), np.concatenate(values)


async def test_a_recording_is_brought_computed_and_given_out_the_same(
    whole: World, tmp_path: Path
) -> None:
    now_us = await whole.database.fetchval("select (extract(epoch from now()) * 1e6)::bigint")
    start_us = now_us // 60_000_000 * 60_000_000 - DAYS_AGO * 86_400_000_000
    end_us = start_us + SECONDS * 1_000_000
    values = np.rint(leads() * 1_000) / 1_000
    path = tmp_path / "night.edf"
    path.write_bytes(recording(start_us, values))
    patient = whole.patients[DEVICE]
    n_bad, said = await bring(whole, [path], patient=patient)
    assert (n_bad, "night.edf: stored: 18 frames" in said) == (0, True), said

    async def computed() -> list[dict[str, Any]]:
        body = await whole.get(
            f"/v1/patients/{patient}/vitals", measure="heart_rate",
            **{"from": instant(start_us), "to": instant(end_us)},
        )  # fmt: skip
        found = [point for point in body["points"] if point["value"] is not None]
        assert len(found) >= 10, body
        return found

    points = await eventually(computed, within_s=60, every_s=0.5)
    rates = [float(point["value"]) for point in points]
    assert np.median(rates) == pytest.approx(BEATS_PER_MIN, abs=1.0)
    # What is long past is no alarm; that the recorder itself is silent is one, after a minute.
    alarms = (await whole.get("/v1/alarms"))["items"]
    assert [one for one in alarms if one["condition"] != "data_stopped"] == []

    async def is_told() -> bool:
        return "file_stored" in [kind for kind, _ in await whole.events(DEVICE)]

    await eventually(is_told)

    n_frames = "select count(*) from signal.frame"
    before = await whole.database.fetchval(n_frames)
    n_bad, said = await bring(whole, [path], patient=patient)
    assert (n_bad, "already stored" in said) == (0, True), said
    assert await whole.database.fetchval(n_frames) == before

    readers: dict[str, FileReader] = {"edf": read_edf, "wfdb": read_wfdb, "csv": read_csv}
    for form, reader in readers.items():
        answer = await whole.http.get(
            f"/v1/patients/{patient}/exports/samples",
            params={
                "stream": "ecg", "format": form, "from": instant(start_us), "to": instant(end_us)
            },
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        times, samples = columns(reader(answer.content, {}))
        assert len(times) == SECONDS * RATE_HZ, form
        assert np.abs(times - (start_us + np.arange(len(times)) * 4_000)).max() <= 1, form
        np.testing.assert_allclose(samples, values, atol=2e-6, rtol=1e-5, err_msg=form)


async def test_forced_breaths_are_measured_judged_and_graded(whole: World, tmp_path: Path) -> None:
    """Three good ones, and one that was begun slowly: from the flow to the grade on REST."""
    now_us = await whole.database.fetchval("select (extract(epoch from now()) * 1e6)::bigint")
    start_us = now_us // 60_000_000 * 60_000_000 - DAYS_AGO * 86_400_000_000
    hesitant = np.concatenate((bodies.rest(3), np.full(60, 0.6), bodies.breath(), bodies.rest(6)))
    flow = np.concatenate([*(bodies.session(seed=seed) for seed in range(3)), hesitant])
    path = tmp_path / "session.csv"
    path.write_text("Flow [L/s]\n" + "".join(f"{value:.4f}\n" for value in flow))
    patient = whole.patients[METER]
    options = [f"start={instant(start_us)}", f"rate={bodies.FLOW_HZ}", "stream=flow"]
    n_bad, said = await bring(whole, [path], device=METER, patient=patient, option=options)
    assert n_bad == 0, said

    async def graded() -> dict[str, Any]:
        found: dict[str, Any] = await whole.get(f"/v1/patients/{patient}/spirometry")
        assert len(found["items"]) == 4, found
        return found

    told = await eventually(graded, within_s=60, every_s=0.5)
    assert [item["verdict"]["faults"] for item in told["items"]] == [["slow_start"], [], [], []]
    (session,) = told["sessions"]
    assert (session["device"], session["method"], session["breaths"]) == (METER, "flow_blow", 4)
    for measure in ("fev1", "fvc"):
        assert (session[measure]["grade"], session[measure]["acceptable"]) == ("A", 3)
    assert session["fvc"]["best"]["value"] == pytest.approx(bodies.FVC, rel=0.01)
    standing = told["standing"]
    assert (standing["measure"], standing["days"], standing["zone"]) == ("pef", 1, None)
    assert standing["personal_best"] == pytest.approx(60 * bodies.PEF, rel=0.02)


async def test_a_bad_file_and_a_foreign_time_are_refused_whole(
    whole: World, tmp_path: Path
) -> None:
    now_us = await whole.database.fetchval("select (extract(epoch from now()) * 1e6)::bigint")
    whole_file = recording(now_us - 5 * 86_400_000_000, leads())
    cut = tmp_path / "cut.edf"
    cut.write_bytes(whole_file[:-100])
    table = tmp_path / "table.csv"
    table.write_text("t,ECG I [mV]\n0,0.1\n0.004,zero\n")
    old = tmp_path / "old.edf"
    old.write_bytes(recording(now_us - 900 * 86_400_000_000, leads()))
    before = await whole.database.fetchval("select count(*) from signal.frame")
    n_bad, said = await bring(
        whole, [cut, table, old, tmp_path / "none.edf"], option=["start=2026-11-20T00:00:00Z"]
    )
    lines = said.splitlines()
    assert n_bad == 3, said
    assert any("cut.edf: refused at byte" in line for line in lines), said
    assert any("table.csv: refused in line 3" in line for line in lines), said
    assert any("none.edf" in line and "No such file" in line for line in lines), said
    n_bad, said = await bring(whole, [old])
    assert "bad_time" in said
    assert await whole.database.fetchval("select count(*) from signal.frame") - before == 18
