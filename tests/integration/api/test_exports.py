"""Files over REST: whole, the same samples, of the patient alone, bounded and written down."""

import asyncio
import csv
import io
import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import edfio
import httpx
import numpy as np
import pyarrow.parquet
import pytest

from shared.contracts.file_reading import ReadFile
from shared.contracts.instants import DAY, HOUR, MINUTE, SECOND, to_text
from shared.recordings.telecare_xml import decode_telecare_xml, read_telecare_xml
from tests.integration.api.compacting import compact
from tests.integration.api.system import T0_US, System

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its dependencies
    import wfdb

PATH = "/v1/patients/p-north1/exports"
HZ = 100
SCALE = float(np.float32(0.001))


def span(start_us: int = T0_US, end_us: int = T0_US + HOUR) -> dict[str, Any]:
    return {"from": to_text(start_us), "to": to_text(end_us)}


async def ecg(api: System, *, hole: range = range(0)) -> np.ndarray:
    """Three minutes of ECG, the first two in blocks; gives the counts that there are."""
    await api.database.execute("update registry.assignment set starts = '2020-01-01'")
    counts = np.random.default_rng(3).integers(-32_767, 32_768, (180, HZ)).astype("<i2")
    there = [second for second in range(180) if second not in hole]
    await api.store_frames(
        "ecg-north1", {second: counts[second].tolist() for second in there}, hz=HZ
    )
    await compact(api, "ecg-north1", {T0_US, T0_US + MINUTE})
    await api.store_beats("ecg-north1", [T0_US + beat * 800_000 for beat in range(200)])
    return counts[there].reshape(-1)


async def got(api: System, what: str, **parameters: Any) -> httpx.Response:
    answer = await api.get(f"{PATH}/{what}", "carla", **parameters)
    assert answer.status_code == 200, answer.text
    return answer


async def test_an_edf_file_holds_every_sample_and_beat(api: System) -> None:
    counts = await ecg(api)

    answer = await got(api, "samples", stream="ecg", format="edf", **span())

    file = edfio.read_edf(io.BytesIO(answer.content))
    np.testing.assert_array_equal(file.signals[0].digital, counts)
    assert [one.text for one in file.annotations].count("N") == 200
    assert answer.headers["content-type"] == "application/edf"
    assert answer.headers["content-disposition"] == (
        'attachment; filename="p-north1_ecg_20261121T120000Z.edf"'
    )
    assert answer.headers["cache-control"] == "no-store"
    (row,) = await api.audit(action="export", outcome="granted")
    assert row["patient_id"] == api.hospital.patients["p-north1"]
    assert '"format": "edf"' in row["detail"]


async def test_a_telecare_xml_file_holds_every_sample_and_can_be_taken_in(api: System) -> None:
    counts = await ecg(api, hole=range(50, 80))

    answer = await got(api, "samples", stream="ecg", format="telecare_xml", **span())

    file = decode_telecare_xml(answer.content)
    assert [len(one.counts) for one in file.stretches] == [50 * HZ, 100 * HZ]
    assert [one.start_us for one in file.stretches] == [T0_US, T0_US + 80 * SECOND]
    found = np.concatenate([one.counts for one in file.stretches])[:, 0]
    np.testing.assert_array_equal(found, counts)
    assert len(file.beats) == 200
    assert isinstance(read_telecare_xml(answer.content, {}), ReadFile)
    assert answer.headers["content-type"] == "application/vnd.vitalwire.telecare+xml"


@pytest.mark.filterwarnings("ignore")  # of wfdb's own dependencies
async def test_a_wfdb_archive_holds_every_sample_and_its_holes(api: System, tmp_path: Path) -> None:
    counts = await ecg(api, hole=range(50, 80))

    answer = await got(api, "samples", stream="ecg", format="wfdb", **span())

    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path)
    record = wfdb.rdrecord(str(tmp_path / "p-north1_ecg"), physical=False)
    found = record.d_signal[:, 0]
    assert (found[50 * HZ : 80 * HZ] == -32_768).all()
    np.testing.assert_array_equal(np.delete(found, np.s_[50 * HZ : 80 * HZ]), counts)
    assert len(wfdb.rdann(str(tmp_path / "p-north1_ecg"), "atr").sample) == 200


async def test_csv_and_parquet_hold_every_sample_at_its_time(api: System) -> None:
    counts = await ecg(api, hole=range(100, 170))

    text = (await got(api, "samples", stream="ecg", format="csv", **span())).text
    data = (await got(api, "samples", stream="ecg", format="parquet", **span())).content

    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["time", "I [mV]"]
    assert [round(float(row[1]) / SCALE) for row in rows[1:]] == counts.tolist()
    assert rows[1][0] == "2026-11-21T12:00:00.000000+00:00"
    assert rows[100 * HZ + 1][0] == "2026-11-21T12:02:50.000000+00:00"
    table = pyarrow.parquet.read_table(pyarrow.BufferReader(data))
    np.testing.assert_array_equal(np.rint(table["I"].to_numpy() / SCALE), counts)
    assert table["time"].cast("int64")[HZ].as_py() == T0_US + SECOND


async def test_values_and_summaries_come_as_tables(api: System) -> None:
    await api.store_vitals("p-north1", "ecg-north1", [70.5, float("nan")], t0_us=T0_US)
    await api.store_event(
        "=1+1", T0_US, "lead_off", patient="p-north1", device="ecg-north1", data={"a": "b,c"}
    )
    await ecg(api)

    values = list(csv.DictReader(io.StringIO((await got(api, "vitals", **span())).text)))
    none = (await got(api, "vitals", measure="spo2", **span())).text
    hours = (await got(api, "vitals", resolution="hours", **span(T0_US - 90 * DAY))).text
    beats = list(csv.DictReader(io.StringIO((await got(api, "beats", **span())).text)))
    events = list(csv.DictReader(io.StringIO((await got(api, "events", **span())).text)))

    assert [(row["measure"], row["unit"], row["value"], row["validity"]) for row in values] == [
        ("heart_rate", "/min", "70.5", "valid"),
        ("heart_rate", "/min", "", "absent"),
    ]
    assert len(none.splitlines()) == len(hours.splitlines()) == 1
    assert len(beats) == 200
    assert (beats[0]["class"], beats[0]["rr [ms]"]) == ("N", "800")
    assert (events[0]["id"], events[0]["data"]) == ("'=1+1", '{"a":"b,c"}')


async def test_an_alarm_in_a_file_names_the_patient_by_the_key_alone(api: System) -> None:
    data = api.alarm_data("a1", "p-north1", since_us=T0_US)
    await api.store_event("a1-1", T0_US, "alarm", patient="p-north1", data=data)
    (row,) = csv.DictReader(io.StringIO((await got(api, "events", **span())).text))
    told = json.loads(row["data"])
    assert (told["patient"], told["since"]) == ("p-north1", to_text(T0_US))


async def test_the_header_of_a_request_names_the_format_too(api: System) -> None:
    await ecg(api)
    bearer = await api.bearer("carla")
    for accept, media_type in (
        ("text/csv", "text/csv; charset=utf-8"),
        ("application/zip", "application/zip"),
        ("*/*", "application/edf"),
    ):
        answer = await api.http.get(
            f"{PATH}/samples",
            params={"stream": "ecg", **span()},
            headers=bearer | {"Accept": accept},
        )
        assert answer.headers["content-type"] == media_type


async def test_what_cannot_be_given_is_refused_before_a_byte_is_sent(api: System) -> None:
    bearer = await api.bearer("carla")
    for what, parameters, code in (
        ("samples", {"stream": "ecg", **span()}, "nothing_stored"),
        ("samples", {"stream": "hearts", **span()}, "invalid"),
        ("samples", {"stream": "ecg", **span(T0_US - 8 * DAY)}, "range_too_long"),
        ("samples", {"stream": "ecg", "format": "csv", **span(T0_US - DAY)}, "range_too_long"),
        ("vitals", {"format": "edf", **span()}, "no_such_format"),
        ("vitals", {"measure": "mood", **span()}, "invalid"),
        ("beats", span(T0_US - 40 * DAY), "range_too_long"),
    ):
        answer = await api.http.get(f"{PATH}/{what}", params=parameters, headers=bearer)
        assert (answer.status_code, answer.json()["code"]) == (422, code), (what, parameters)


async def test_one_user_cannot_take_all_places(api: System) -> None:
    await ecg(api)
    bearer = await api.bearer("carla")
    url = f"{PATH}/vitals"
    parameters = span(T0_US - 2 * DAY, T0_US)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(api.http.get(url, params=parameters, headers=bearer))
            for _ in range(6)
        ]
    statuses = sorted(task.result().status_code for task in tasks)
    assert statuses[0] == 200
    assert set(statuses) <= {200, 429}
    again = await api.http.get(url, params=parameters, headers=bearer)
    assert again.status_code == 200, "places are given back"


async def test_samples_of_another_patient_are_not_in_the_file(api: System) -> None:
    await ecg(api)
    await api.database.execute(
        "update registry.assignment set ends = to_timestamp($2) where device_id = $1",
        api.hospital.devices["ecg-north1"],
        T0_US / 1e6 + 65.5,
    )
    answer = await got(api, "samples", stream="ecg", format="csv", **span())
    assert len(answer.text.splitlines()) == 1 + 65 * HZ + HZ // 2
