"""Pictures of docs/science as plain SVG: ``python -m tests.accuracy.pictures``.

`strip` draws a stretch of signal with marks, `reliability` how often answers of a quality were
right. Both return the text of an SVG of a few kilobytes, readable on light and dark pages. The
command makes the pictures that need recordings beside the repository.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.accuracy.recordings import ecg_record
from tests.accuracy.train_classes import run

Floats = NDArray[np.float64]
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "science" / "pictures"
WIDTH, HEIGHT, MARGIN = 760, 190, 34
INK, ACCENT, GRID = "#808890", "#c2410c", "#80889040"
TOLERABLE_PX = 0.4  # points of a line nearer than that to the last are left out


class Mark(NamedTuple):
    """A letter over a moment; a boxed one stands out without colour."""

    t_s: float
    text: str
    boxed: bool = False


def strip(t_s: Floats, values: Floats, marks: Sequence[Mark], *, unit: str, title: str) -> str:
    """A stretch of signal against time, with marks above it."""
    x = MARGIN + (t_s - t_s[0]) / (t_s[-1] - t_s[0]) * (WIDTH - 2 * MARGIN)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    y = HEIGHT - MARGIN - (values - low) / max(high - low, 1e-9) * (HEIGHT - 3 * MARGIN)
    parts = [_polyline(x, y)]
    for second in range(int(np.ceil(t_s[0])), int(t_s[-1]) + 1):
        at = float(np.interp(second, t_s, x))
        parts.append(_line(at, HEIGHT - MARGIN, at, 2 * MARGIN - 8, GRID))
        parts.append(_text(at, HEIGHT - MARGIN + 16, f"{second} s"))
    for mark in marks:
        at = float(np.interp(mark.t_s, t_s, x))
        if mark.boxed:
            parts.append(
                f'<rect x="{at - 9:.1f}" y="{MARGIN + 4}" width="18" height="18" '
                f'fill="none" stroke="{ACCENT}"/>'
            )
        parts.append(_text(at, MARGIN + 17, mark.text, ACCENT if mark.boxed else INK))
    parts.append(_text(MARGIN, 18, f"{title} ({unit}: {low:.2f} to {high:.2f})", anchor="start"))
    return _svg(parts, WIDTH, HEIGHT)


def reliability(quality: Floats, right: NDArray[np.bool_], *, title: str, bins: int = 10) -> str:
    """Share of right answers by quality; the area of a dot is the share of answers."""
    side, margin = 300, 40
    place = np.clip((quality * bins).astype(int), 0, bins - 1)
    parts = [_line(margin, side - margin, side - margin, margin, GRID)]
    for k in range(bins):
        mine = place == k
        if not mine.any():
            continue
        x = margin + quality[mine].mean() * (side - 2 * margin)
        y = side - margin - right[mine].mean() * (side - 2 * margin)
        radius = 2 + 14 * np.sqrt(mine.mean())
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{ACCENT}99"/>')
    for share in (0, 0.5, 1):
        at = margin + share * (side - 2 * margin)
        parts.append(_text(at, side - margin + 18, f"{share:g}"))
        parts.append(_text(margin - 16, side - at + 4, f"{share:g}"))
    parts.append(_text(side / 2, 20, title))
    parts.append(_text(side / 2, side - 6, "quality told; upwards: share that was right"))
    return _svg(parts, side, side)


def _svg(parts: list[str], width: int, height: int) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="12">'
    )
    return "\n".join((head, *parts, "</svg>", ""))


def _polyline(x: Floats, y: Floats) -> str:
    points, last = [], (-1e9, -1e9)
    for at in zip(x.tolist(), y.tolist(), strict=True):
        if max(abs(at[0] - last[0]), abs(at[1] - last[1])) >= TOLERABLE_PX:
            points.append(f"{at[0]:.1f},{at[1]:.1f}")
            last = at
    return f'<polyline fill="none" stroke="{INK}" points="{" ".join(points)}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, colour: str = INK, *, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'


def classes_of(name: str, begin_s: float, end_s: float) -> str:
    """A strip of a record with the class of each beat as the shipped estimator tells it."""
    record = ecg_record(name)
    (told,) = run([record])
    keep = (told.t_s > begin_s) & (told.t_s < end_s)
    marks = [
        Mark(float(t), " NSVFQ"[int(code)], boxed=int(code) > 1)
        for t, code in zip(told.t_s[keep], told.classes[keep], strict=True)
    ]
    n = np.arange(int(begin_s * record.rate_hz), int(end_s * record.rate_hz))
    title = f"Record {name}, first lead, with classes"
    return strip(n / record.rate_hz, record.lead[n], marks, unit="mV", title=title)


def main() -> int:
    """Write the pictures that are made from recordings."""
    FOLDER.mkdir(exist_ok=True)
    for name, begin_s in (("119", 700), ("106", 1196)):
        picture = classes_of(name, begin_s, begin_s + 10)
        (FOLDER / f"classes-{name}.svg").write_text(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
