"""What devices sent and were told, held against what the database has. Pure but for two readers.

The ledger is a text file that the sending process appends to and that nobody kills:

- ``S device boot n digest``  ``publish`` returned for a message of this content
- ``T device boot n``         the device was told that it is stored
- ``R device boot n reason``  the device was told that it is refused
"""

import hashlib
import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import asyncpg
from typing_extensions import override

_CONTENT = struct.Struct("<hqqhbbffI")


class Identity(NamedTuple):
    """One message of one device."""

    device: str
    boot: int
    n: int


class Content(NamedTuple):
    """All of a frame that must arrive unchanged."""

    stream: int
    t0: int
    interval_ns: int
    channels: int
    format: int
    place: int
    scale: float
    offset: float
    samples: bytes


class StoredFrame(NamedTuple):
    """One row of ``signal.frame``."""

    identity: Identity
    part: int
    content: Content


def digest_of(contents: Iterable[Content]) -> str:
    """SHA-256 of the frames of a message, in their order."""
    digest = hashlib.sha256()
    for each in contents:
        digest.update(_CONTENT.pack(*each[:8], len(each.samples)))
        digest.update(each.samples)
    return digest.hexdigest()


@dataclass
class Ledger:
    """What a ledger file says."""

    sent: dict[Identity, str] = field(default_factory=dict)
    told: set[Identity] = field(default_factory=set)
    refused: dict[Identity, str] = field(default_factory=dict)

    def take(self, line: str) -> None:
        """One line of the file."""
        kind, device, boot, n, *rest = line.split()
        identity = Identity(device, int(boot), int(n))
        if kind == "S":
            assert self.sent.setdefault(identity, rest[0]) == rest[0], identity
        elif kind == "T":
            self.told.add(identity)
        else:
            self.refused[identity] = rest[0]


class LedgerFile:
    """Follows a ledger while it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self.ledger = Ledger()

    def read_on(self) -> Ledger:
        """Take in what has been added in whole lines."""
        with self._path.open("rb") as file:
            file.seek(self._at)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._at += len(whole)
        for line in whole.decode().splitlines():
            self.ledger.take(line)
        return self.ledger


@dataclass(frozen=True, kw_only=True)
class Findings:
    """How ledger and database disagree; all empty when every promise was kept."""

    told_and_lost: set[Identity]
    told_and_different: set[Identity]
    missing: set[Identity]
    different: set[Identity]
    twice: set[tuple[Identity, int]]
    never_sent: set[Identity]
    refused: dict[Identity, str]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not any(vars(self).values())

    @override
    def __str__(self) -> str:
        parts = [
            f"{name}: {len(found)}, such as {sorted(found, key=str)[:3]}"
            for name, found in vars(self).items()
            if found
        ]
        return "; ".join(parts) or "clean"


def compare(ledger: Ledger, stored: Iterable[StoredFrame]) -> Findings:
    """Hold the ledger against all rows of the database."""
    rows = list(stored)
    places = Counter((row.identity, row.part) for row in rows)
    contents: dict[Identity, dict[int, Content]] = {}
    for row in rows:
        contents.setdefault(row.identity, {})[row.part] = row.content
    found = {
        identity: digest_of(content for _, content in sorted(parts.items()))
        for identity, parts in contents.items()
    }
    wrong = {i for i, digest in ledger.sent.items() if i in found and found[i] != digest}
    return Findings(
        told_and_lost=ledger.told - found.keys(),
        told_and_different=ledger.told & wrong,
        missing=ledger.sent.keys() - found.keys(),
        different=wrong,
        twice={place for place, count in places.items() if count > 1},
        never_sent=found.keys() - ledger.sent.keys(),
        refused=dict(ledger.refused),
    )


def told_and_lost(ledger: Ledger, stored: Iterable[Identity]) -> set[Identity]:
    """What devices were told and is not there: at any moment this must be empty."""
    return ledger.told - set(stored)


FRAMES = """
    select d.device, f.boot, f.n, f.part, f.stream, f.t0, f.interval_ns, f.channels, f.format,
        f.place, f.scale, f.add_offset, f.samples
    from signal.frame f join registry.device d on d.id = f.device_id
"""
IDENTITIES = """
    select distinct d.device, f.boot, f.n
    from signal.frame f join registry.device d on d.id = f.device_id
"""


async def read_frames(database: asyncpg.Connection) -> list[StoredFrame]:
    """All frames of the database."""
    return [
        StoredFrame(Identity(row[0], row[1], row[2]), row[3], Content(*row[4:]))
        for row in await database.fetch(FRAMES)
    ]


async def read_identities(database: asyncpg.Connection) -> set[Identity]:
    """All messages of the database."""
    return {Identity(*row) for row in await database.fetch(IDENTITIES)}
