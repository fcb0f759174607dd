"""The heart rate that a running system shows for replayed recordings, against their annotations.

    make run RECORDINGS=../shared/data/mitdb        # in one shell
    python -m tests.accuracy.shown_heart_rate        # in another, a few minutes later

Reads `connection.json` and `replay.json` of the running system, asks REST for the heart rate that
was shown, and compares each value with the mean rate of the annotated beats in the ten seconds
before it. Prints the median absolute difference a record.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from shared.contracts.instants import MINUTE, from_text, to_text
from shared.recordings.wfdb import decode_annotations

WINDOW_S = 10.0
BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")  # annotations of EC57 that are beats
LONGEST_US = 30 * MINUTE  # of a run that is looked at
STRETCH_US = 10 * MINUTE  # short enough that no two stored values are merged into one point
Floats = NDArray[np.float64]


def main() -> int:
    """Print the table; 1 when a wanted record is above the limit, or shows nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".local"))
    parser.add_argument("--records", default="100,106,118,119,215")
    parser.add_argument("--limit", type=float, default=1.0, help="/min, of the median difference")
    options = parser.parse_args()
    connection = json.loads((options.folder / "connection.json").read_text())
    replay = json.loads((options.folder / "replay.json").read_text())
    wanted = options.records.split(",")
    worst = 0.0
    print("record  values  shown %   median |difference| /min   90 %")
    with signed_in(connection) as api:
        patient_of = patients_by_device(api)
        for record in replay["records"]:
            name = Path(record["file"]).stem
            if name not in wanted:
                continue
            points = shown(api, patient_of[record["device"]], replay["started_us"])
            differences, n_due = compare(points, record, replay["started_us"])
            middle = float(np.median(differences)) if len(differences) else float("inf")
            most = float(np.quantile(differences, 0.9)) if len(differences) else float("inf")
            share = 100 * len(differences) / max(1, n_due)
            print(f"{name:>6}  {len(differences):6}  {share:7.1f}   {middle:24.2f}   {most:5.2f}")
            worst = max(worst, middle)
    return 0 if worst <= options.limit else 1


def signed_in(connection: dict[str, Any]) -> httpx.Client:
    """A client with the token of a person who may see the ward."""
    user = next(user for user in connection["users"] if user["role"] == "clinician")
    form = {"username": user["username"], "password": user["password"]}
    answer = httpx.post(connection["page"] + "/v1/token", data=form, timeout=30.0)
    token = answer.raise_for_status().json()["access_token"]
    return httpx.Client(
        base_url=connection["page"], timeout=30.0, headers={"Authorization": f"Bearer {token}"}
    )


def patients_by_device(api: httpx.Client) -> dict[str, str]:
    """Patient of each device on the wards."""
    found: dict[str, str] = {}
    for ward in api.get("/v1/wards").raise_for_status().json()["items"]:
        detail = api.get(f"/v1/wards/{ward['key']}").raise_for_status().json()
        for bed in detail["beds"]:
            if bed["patient"] is not None:
                for device in bed["patient"]["devices"]:
                    found[device["device"]] = bed["patient"]["key"]
    return found


def shown(api: httpx.Client, patient: str, started_us: int) -> list[dict[str, Any]]:
    """What was shown as heart rate since the replay began, as it was stored."""
    points: list[dict[str, Any]] = []
    for start in range(started_us, started_us + LONGEST_US, STRETCH_US):
        answer = api.get(
            f"/v1/patients/{patient}/vitals",
            params={
                "measure": "heart_rate",
                "from": to_text(start),
                "to": to_text(start + STRETCH_US),
                "points": 1000,
            },
        )
        points += answer.raise_for_status().json()["points"]
    return points


def compare(
    points: list[dict[str, Any]], record: dict[str, Any], started_us: int
) -> tuple[Floats, int]:
    """Absolute differences where both are known, and how many windows the reference has."""
    reference = decode_annotations(Path(record["reference"]).read_bytes())
    rate_hz = record["streams"][0]["rate_hz"]
    beats_s = np.array([one.sample / rate_hz for one in reference if one.symbol in BEATS])
    differences: list[float] = []
    n_due = 0
    for point in points:
        end_s = (from_text(point["t"]) - started_us) / 1e6 % record["duration_s"]
        inside = beats_s[(beats_s > end_s - WINDOW_S) & (beats_s <= end_s)]
        if end_s < WINDOW_S or len(inside) < 3:
            continue
        n_due += 1
        if point["value"] is not None:
            truth = 60 * (len(inside) - 1) / (inside[-1] - inside[0])
            differences.append(abs(point["value"] - truth))
    return np.array(differences), n_due


if __name__ == "__main__":
    sys.exit(main())
