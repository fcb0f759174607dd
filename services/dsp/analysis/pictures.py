"""Pictures of a report as SVG: the trend of each measure, the first minute of ECG with beats."""

from collections.abc import Mapping
from html import escape

import numpy as np
from numpy.typing import NDArray

from services.dsp.analysis.computing import Analysis
from services.dsp.analysis.opening import Recording
from services.dsp.core.frame_values import frame_values
from shared.contracts.beats import BeatClass, BeatKind
from shared.contracts.instants import to_text
from shared.contracts.measures import MEASURES, Measure
from shared.contracts.methods import METHODS, Method
from shared.contracts.quality import Validity
from shared.contracts.records import Table
from shared.contracts.streams import Stream

SECOND_US = 1_000_000
WIDTH, LEFT, RIGHT = 1000, 60, 10
TREND_HEIGHT, QUALITY_HEIGHT = 200, 40
MOST_POINTS = 1500
STRIP_S, STRIPS, STRIP_HEIGHT = 10, 6, 110
MM_A_MV = 30.0  # units of the picture a millivolt
_STYLE = (
    "text{font:12px sans-serif;fill:#333}.axis{stroke:#bbb;fill:none}.line{stroke:#0b5394;"
    "stroke-width:1.3;fill:none}.doubt{fill:#e69138}.valid{fill:#0b5394}.quality{fill:#93c47d}"
    ".trace{stroke:#222;stroke-width:.8;fill:none}.grid{stroke:#f4cccc;stroke-width:.6}"
    ".N{fill:#0b5394}.S{fill:#e69138}.V{fill:#cc0000}.F{fill:#a64d79}.Q,.UNCLASSIFIED{fill:#777}"
)
Floats = NDArray[np.float64]


def of(recording: Recording, analysis: Analysis) -> Mapping[str, str]:
    """Pictures by the name of their file."""
    found: dict[str, str] = {}
    vitals = analysis.vitals
    begin_us = int(recording.frames.table["t0"].min())
    end_us = int(recording.frames.table["received"].max())
    for key in np.unique(vitals[["device", "measure", "method"]]):
        names = ("device", "measure", "method")
        rows = vitals[np.logical_and.reduce([vitals[name] == key[name] for name in names])]
        if not np.isfinite(rows["value"]).any():
            continue
        device = recording.devices[int(key["device"])]
        measure, method = Measure(int(key["measure"])), Method(int(key["method"]))
        title = f"{MEASURES[measure].label} ({MEASURES[measure].unit}), {METHODS[method].key}"
        name = "-".join(("trend", _plain(device), MEASURES[measure].key, METHODS[method].key))
        found[name] = trend(f"{title}, {device}", rows, begin_us, end_us)
    for number, device in recording.devices.items():
        strip = ecg_strips(recording, analysis, number)
        if strip is not None:
            found[f"ecg-{_plain(device)}"] = strip
    return found


def trend(title: str, rows: Table, begin_us: int, end_us: int) -> str:
    """Values over time, doubtful ones in another colour, and their quality below."""
    span_us = max(end_us - begin_us, SECOND_US)
    every = -(-len(rows) // MOST_POINTS)
    rows = rows[::every]
    given = rows[np.isfinite(rows["value"])]
    low, high = float(given["value"].min()), float(given["value"].max())
    room = max(
        0.05 * (high - low), 0.5 * 10.0 ** -MEASURES[Measure(int(rows["measure"][0]))].decimals
    )
    low, high = low - room, high + room
    x = LEFT + (rows["t"] - begin_us) / span_us * (WIDTH - LEFT - RIGHT)
    y = 30 + (high - rows["value"].astype(np.float64)) / (high - low) * (TREND_HEIGHT - 40)
    doubtful = rows["validity"] == Validity.QUESTIONABLE
    parts = [f'<text x="{LEFT}" y="18">{escape(title)}</text>']
    for value in (low + room, high - room):
        at = 30 + (high - value) / (high - low) * (TREND_HEIGHT - 40)
        parts.append(f'<text x="4" y="{at + 4:.0f}">{value:.4g}</text>')
        parts.append(f'<path class="axis" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>')
    parts.append(f'<path class="line" d="{_path(x, y)}"/>')
    parts += [
        f'<circle class="doubt" cx="{a:.1f}" cy="{b:.1f}" r="1.6"/>'
        for a, b in zip(x[doubtful], y[doubtful], strict=True)
        if np.isfinite(b)
    ]
    floor = TREND_HEIGHT + QUALITY_HEIGHT
    quality = np.where(np.isfinite(rows["value"]), rows["quality"], 0)
    top = floor - quality * (QUALITY_HEIGHT - 6)
    outline = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, top, strict=True))
    parts.append(
        f'<polygon class="quality" points="{x[0]:.1f},{floor} {outline} {x[-1]:.1f},{floor}"/>'
    )
    parts.append(f'<text x="4" y="{floor - 12}">quality</text>')
    parts.append(f'<text x="{LEFT}" y="{floor + 16}">{to_text(begin_us)[:19]}</text>')
    right = f'x="{WIDTH - RIGHT}" text-anchor="end"'
    parts.append(f'<text {right} y="{floor + 16}">{to_text(end_us)[:19]}</text>')
    return _svg(floor + 24, parts)


def ecg_strips(recording: Recording, analysis: Analysis, device: int) -> str | None:
    """The first minute of the first lead in strips of ten seconds, each beat with its class."""
    table = recording.frames.table
    mine = table[(table["device"] == device) & (table["stream"] == Stream.ECG)]
    mine = mine[np.argsort(mine["t0"], kind="stable")]
    if not len(mine):
        return None
    begin_us = int(mine["t0"][0])
    mine = mine[mine["t0"] < begin_us + STRIPS * STRIP_S * SECOND_US]
    beats = analysis.beats[
        (analysis.beats["device"] == device)
        & (analysis.beats["kind"] == BeatKind.R_PEAK)
        & (analysis.beats["quality"] > 0)
    ]
    scale = (WIDTH - LEFT - RIGHT) / STRIP_S
    traces: list[tuple[Floats, Floats]] = []
    for row, values in zip(mine, frame_values(mine, recording.frames.samples), strict=True):
        lead = values[0]
        seconds = (int(row["t0"]) - begin_us) / SECOND_US
        at = seconds + np.arange(len(lead)) * (int(row["interval_ns"]) / 1e9)
        traces.append((np.asarray(at, dtype=np.float64), np.asarray(lead, dtype=np.float64)))
    if not any(np.isfinite(values).any() for _, values in traces):
        return None
    seconds_of_all = np.concatenate([at for at, _ in traces])
    values_of_all = np.concatenate([values for _, values in traces])
    parts = [f'<text x="{LEFT}" y="14">ECG, first lead, {to_text(begin_us)}</text>']
    for strip in range(STRIPS):
        base = 20 + strip * STRIP_HEIGHT
        first = strip * STRIP_S
        inside = (seconds_of_all >= first) & (seconds_of_all < first + STRIP_S)
        if not inside.any():
            break
        middle = float(np.nanmedian(np.append(values_of_all[inside], np.nan))) if np.isfinite(
            values_of_all[inside]
        ).any() else 0.0  # fmt: skip
        parts += [
            f'<path class="grid" d="M{LEFT + s * scale:.0f} {base}v{STRIP_HEIGHT - 6}"/>'
            for s in range(STRIP_S + 1)
        ]
        x = LEFT + (seconds_of_all[inside] - first) * scale
        y = base + 65 - np.clip((values_of_all[inside] - middle) * MM_A_MV, -45, 50)
        parts.append(f'<text x="4" y="{base + 60}">{first} s</text>')
        parts.append(f'<path class="trace" d="{_path(x, y)}"/>')
        for beat in beats:
            since = (int(beat["t"]) - begin_us) / SECOND_US - first
            if 0 <= since < STRIP_S:
                kind = BeatClass(int(beat["class"])).name
                shown = "" if kind == "UNCLASSIFIED" else kind
                place = LEFT + since * scale
                parts.append(f'<circle class="{kind}" cx="{place:.1f}" cy="{base + 8}" r="2.5"/>')
                parts.append(f'<text x="{place + 4:.1f}" y="{base + 12}">{shown}</text>')
    return _svg(20 + STRIPS * STRIP_HEIGHT, parts)


def _path(x: Floats, y: Floats) -> str:
    """A line that is broken where there is nothing."""
    words: list[str] = []
    pen_down = False
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        if np.isfinite(b):
            words.append(f"{'L' if pen_down else 'M'}{a:.1f} {b:.1f}")
            pen_down = True
        else:
            pen_down = False
    return "".join(words)


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def _svg(height: int, parts: list[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}"><style>{_STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )
