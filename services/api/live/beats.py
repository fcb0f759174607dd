"""Beats of watched devices as messages of the live socket. Pure.

One block holds what one batch tells of one device, encoded once for all who watch it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from shared.contracts.beats import BeatClass, BeatKind
from shared.contracts.instants import to_text
from shared.contracts.records import Table

STREAM = "beats"
"""What a gap calls beats that were dropped."""
_KINDS = {int(kind): kind.name.lower() for kind in BeatKind}
_CLASSES = {int(kind): kind.name for kind in BeatClass} | {0: "unclassified"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BeatBlock:
    """Beats of one device; ``items`` are JSON objects with commas between them."""

    patient: str
    device: str
    start_us: int
    end_us: int
    n: int
    items: bytes


def beat_block(table: Table, *, patient: str, device: str) -> BeatBlock:
    """The rows of a ``beats.v1`` table, at least one, that are of one device and its wearer."""
    times = table["t"]
    return BeatBlock(
        patient=patient,
        device=device,
        start_us=int(times.min()),
        end_us=int(times.max()) + 1,
        n=len(table),
        items=b",".join(_items(table, patient, device)),
    )


def _items(table: Table, patient: str, device: str) -> Iterator[bytes]:
    names = ("t", "rr_ms", "quality", "revision", "kind", "class")
    columns = (table[name].tolist() for name in names)
    for t, rr_ms, quality, revision, kind, judged in zip(*columns, strict=True):
        yield orjson.dumps(
            {
                "patient": patient,
                "device": device,
                "t": to_text(t),
                "kind": _KINDS.get(kind, str(kind)),
                "class": _CLASSES.get(judged, "unclassified"),
                "rr_ms": None if math.isnan(rr_ms) else round(rr_ms, 3),
                "quality": round(quality, 3),
                "revision": revision,
            }
        )
