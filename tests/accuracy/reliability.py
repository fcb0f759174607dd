"""How often a shown value of a quality is right.

    python -m tests.accuracy.reliability RECORDINGS

Writes ``docs/science/reliability.md`` and its pictures. Values come out of a lane, as in life: so
only what is shown counts (quality at least that of its measure), and it is right within the
tolerance that its quality speaks of.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from deploy.local.layout import PROJECT
from services.dsp.scoring import spo2
from shared.contracts.measures import MEASURES, Measure
from shared.contracts.methods import METHODS, Method
from tests.accuracy import overview
from tests.accuracy.false_confidence import answers_of
from tests.accuracy.kept import folder_of_now
from tests.accuracy.pictures import FOLDER, reliability
from tests.accuracy.recorded_scenes import noisy_hearts, recorded_scenes
from tests.accuracy.recordings import packed_recordings
from tests.accuracy.scenes import Scene, radars, some_people

Floats = NDArray[np.float64]
PAGE = PROJECT / "docs/science/reliability.md"
SECONDS = 240
MOST_PEOPLE = 10
BINS = (0.3, 0.5, 0.7, 0.85, 0.93, 1.0 + 1e-9)
FEWEST = 30  # answers of which a share is told
Key = tuple[Measure, Method]


class Kind(NamedTuple):
    """What one picture shows.

    Attributes
    ----------
    within : absolute, in the unit of the measure, or this share of the truth
    scenes : beginnings of the names of those that count
    """

    slug: str
    measure: Measure
    method: Method
    within: tuple[float, float]
    scenes: tuple[str, ...]
    origin: str


_UNSEEN = "table, people unseen by the nets"
KINDS = (
    Kind("heart-rate", Measure.HEART_RATE, Method.ECG_BEAT_INTERVALS, (5.0, 0.0),
         ("mitdb", "bidmc, ECG", "noisy"), f"{_UNSEEN} ([ecg](ecg.md)); these people were seen"),
    Kind("pulse-rate", Measure.PULSE_RATE, Method.PPG_PULSE_INTERVALS, (5.0, 0.0),
         ("bidmc, PPG", "troika"), "logistic, learned in bed ([ppg](ppg.md)); a rule where worn"),
    Kind("pulse-in-motion", Measure.PULSE_RATE, Method.PPG_SPECTRUM, (5.0, 0.0),
         ("troika",), "set on these recordings ([ppg](ppg.md))"),
    Kind("breath-impedance", Measure.RESPIRATION_RATE, Method.IMPEDANCE_SPECTRUM, (2.0, 0.0),
         ("bidmc, RESP",), "table, few knots, set on these ([respiration](respiration.md))"),
    Kind("breath-ecg", Measure.RESPIRATION_RATE, Method.ECG_RESPIRATION, (2.0, 0.0),
         ("bidmc, ECG",), "table, few knots, set on these"),
    Kind("breath-light", Measure.RESPIRATION_RATE, Method.PPG_RESPIRATION, (2.0, 0.0),
         ("bidmc, PPG",), "table, few knots, set on these"),
    Kind("breath-chest", Measure.RESPIRATION_RATE, Method.CHEST_MOTION_BREATH, (1.0, 0.0),
         ("paced",), "table over the explained share; one person"),
    Kind("radar-heart", Measure.HEART_RATE, Method.RADAR_PULSE, (5.0, 0.0),
         ("radar",), "table, simulated scenes only ([radar](radar.md)); others than these"),
    Kind("radar-breath", Measure.RESPIRATION_RATE, Method.RADAR_BREATH, (2.0, 0.0),
         ("radar",), "table, simulated scenes only; others than these"),
    Kind("steps", Measure.STEPS, Method.MOTION_STEPS, (2.0, 0.1),
         ("oxford",), "a rule: 0.9 by coverage, not calibrated"),
    Kind("cadence", Measure.CADENCE, Method.MOTION_STEPS, (5.0, 0.1),
         ("oxford",), "a rule: 0.9 by coverage, not calibrated"),
)  # fmt: skip
ABOUT = (
    "`make accuracy RECORDINGS=folder` (`tests/accuracy/reliability.py`). Shown values out of a"
    " lane, one a second, so neighbours are alike; right: within the tolerance beside the measure."
    " Where a quality is honest the share right is in the range of its column, or above. Written"
    " as: share right in % (number). Recordings that a quality was set on are named so: those"
    " figures are optimistic."
)
ELSEWHERE = """\
## What has no picture, and why
- `spo2`: the quality is a rule (likeness of both lights, coverage, periodicity). The only recording
  of real desaturation here is one person, 58 points, read off another oximeter by eye that errs
  by 2 to 3 % itself: too little to calibrate a chance by leaving records out. What the rule says
  of these points is in the last table.
- `respiration_rate` by fusion and every other value that several sources agreed on: a rule
  ([agreement](agreement.md)) on calibrated parts; independence of their errors is assumed.
- `hrv_*`: a rule by coverage ([variability](variability.md)): no recording here has a reference.
- `posture`: a table over the margin, 26,800 simulated moments ([motion](motion.md)).
- `position`, `room`: tables over the spread of the nearest ([position](position.md)).
- `temperature`, `activity`, `effort`, `walking_speed`, `doing`: rules, said so on their pages.
- `fvc` and its family: three values by the grade of the blow ([spirometry](spirometry.md)).
"""


def page(found: Mapping[str, tuple[Floats, NDArray[np.bool_]]], light: str, day: str) -> str:
    """The page of all pictures."""
    lines = [
        *("# Reliability: what a quality is worth", ""),
        f"{day}, {ABOUT}",
        "",
        "| measure | within | quality 0.3 to 0.5 | to 0.7 | to 0.85 | to 0.93 | above | from |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind in KINDS:
        if kind.slug not in found:
            continue
        quality, right = found[kind.slug]
        cells = []
        for low, high in pairwise(BINS):
            mine = (quality >= low) & (quality < high)
            n = int(mine.sum())
            share = f"{100 * right[mine].mean():.1f}" if n >= FEWEST else ""
            cells.append(f"{share} ({n:,})" if n else "")
        unit = MEASURES[kind.measure].unit
        within = f"{kind.within[0]:g} {unit}" + (
            f" or {100 * kind.within[1]:g} %" if kind.within[1] else ""
        )
        name = f"`{MEASURES[kind.measure].key}`, {METHODS[kind.method].key}"
        lines.append(f"| {name} | {within} | {' | '.join(cells)} | {kind.origin} |")
    shown = [kind.slug for kind in KINDS if kind.slug in found]
    lines += ["", " ".join(f"![{slug}](pictures/reliability-{slug}.svg)" for slug in shown), ""]
    return "\n".join(lines) + "\n" + ELSEWHERE + light


def too_high(found: Mapping[str, tuple[Floats, NDArray[np.bool_]]], day: str) -> str:
    """Where fewer are right than the quality tells, for the overview."""
    lines = []
    for kind in KINDS:
        quality, right = found.get(kind.slug, (np.empty(0), np.empty(0, bool)))
        for low, high in pairwise(BINS):
            mine = (quality >= low) & (quality < high)
            if mine.sum() >= FEWEST and right[mine].mean() < low:
                name = f"`{MEASURES[kind.measure].key}`, {METHODS[kind.method].key}"
                share = f"{100 * right[mine].mean():.1f} % of {mine.sum():,} right"
                lines.append(f"| {name} | {low:g} to {min(high, 1):g} | {share} |")
    if not lines:
        return f"{day}. Nowhere."
    return "\n".join((f"{day}.", "", "| measure | told | found |", "|---|---|---|", *lines))


def scenes_of(folder: Path) -> Iterator[Scene]:
    """All of which something is known, longer than where they are disturbed."""
    for scene in recorded_scenes(folder, SECONDS):
        yield some_people(scene, MOST_PEOPLE)
    if (folder / "nstdb").is_dir() and (folder / "mitdb").is_dir():
        yield from noisy_hearts(folder, SECONDS)
    yield radars(SECONDS, MOST_PEOPLE)


def answered(scene: Scene, kept: Path) -> dict[str, tuple[list[float], list[bool]]]:
    """Quality, and whether it was right, of all answers by picture; from a file if it is kept."""
    file = kept / f"{scene.name.replace(' ', '-')}.json"
    if file.is_file():
        return msgspec.json.decode(
            file.read_bytes(), type=dict[str, tuple[list[float], list[bool]]]
        )
    wanted = [kind for kind in KINDS if scene.name.startswith(kind.scenes)]
    answers = answers_of(
        scene, SECONDS, {(kind.measure, kind.method): kind.within for kind in wanted}
    )
    found = {}
    for kind in wanted:
        if (kind.measure, kind.method) in answers:
            quality, right = answers[kind.measure, kind.method]
            found[kind.slug] = (quality.tolist(), right.tolist())
    beside = file.with_suffix(".new")
    beside.write_bytes(msgspec.json.encode(found))
    beside.replace(file)
    print(scene.name, {slug: len(both[0]) for slug, both in found.items()}, flush=True)
    return found


def saturation(folder: Path) -> str:
    """What the rule of the saturation says of the points that there are."""
    if not (folder / "oxiwear").is_dir():
        return ""
    told, wanted, sure = [], [], []
    for one in packed_recordings(folder / "oxiwear"):
        names = ["RED", "IR", "AMBIENT"]
        door = spo2(one.rate_hz, names)
        samples = np.stack([one.channels[name] for name in names], axis=1)
        said = [*door.push(samples), *door.finish()]
        values = [each for each in said if each["value"] is not None]
        if values:
            told.append(values[-1]["value"])
            sure.append(values[-1]["quality"])
            wanted.append(float(one.references["ref_spo2"]))
    value, truth, quality = np.array(told), np.array(wanted), np.array(sure)
    errors = np.empty(len(value))
    for k in range(len(value)):
        others = np.arange(len(value)) != k
        slope, level = np.polyfit(value[others], truth[others], 1)
        errors[k] = slope * value[k] + level - truth[k]
    lines = ["", "| `spo2`, quality by the rule | points | within 4 %, refitted without it |",
             "|---|---:|---:|"]  # fmt: skip
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 0.9), (0.9, 1.01)):
        mine = (quality >= low) & (quality < high)
        if mine.any():
            share = 100 * (np.abs(errors[mine]) <= 4).mean()
            lines.append(f"| {low:g} to {min(high, 1):g} | {mine.sum()} | {share:.0f} % |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page and its pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", type=Path, help="folder of the data sets")
    parser.add_argument("--kept", type=Path, help="folder: what is there is not run again")
    parser.add_argument("--page", type=Path, default=PAGE, help="where to write")
    parser.add_argument("--overview", type=Path, default=overview.PAGE, help="of all pages")
    parser.add_argument("--pictures", type=Path, default=FOLDER, help="where to draw")
    options = parser.parse_args()
    if options.kept is None:
        options.kept = folder_of_now("reliability", options.recordings)
    options.kept.mkdir(parents=True, exist_ok=True)
    parts: dict[str, list[tuple[Floats, NDArray[np.bool_]]]] = {}
    for scene in scenes_of(options.recordings):
        for slug, (quality, right) in answered(scene, options.kept).items():
            parts.setdefault(slug, []).append((np.array(quality), np.array(right, bool)))
    found = {
        slug: (np.concatenate([q for q, _ in each]), np.concatenate([r for _, r in each]))
        for slug, each in parts.items()
    }
    options.pictures.mkdir(exist_ok=True)
    for kind in KINDS:
        if kind.slug in found:
            picture = reliability(*found[kind.slug], title=kind.slug.replace("-", " "))
            (options.pictures / f"reliability-{kind.slug}.svg").write_text(picture)
    day = time.strftime("%Y-%m-%d")
    options.page.write_text(page(found, saturation(options.recordings), day))
    overview.put("too high qualities", too_high(found, day), options.overview)
    print(f"written: {options.page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
