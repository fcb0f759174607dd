"""What is known of stored messages, so that most need no look into the table.

The table's key contains the time (PostgreSQL asks for it in a partitioned table), so the
database alone does not see that an identity comes again with another time. Storage does: n only
grows within a boot, so a frame whose n is above all that were stored is surely new; any other
is looked up before it is written. The knowledge is complete because one process at a time may
write a lane (see ``signal.stream_position.epoch``), and is loaded anew by each owner.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contracts.records import Table

NOTHING_STORED = -1
HOLE_MOST = 16


class BootKey(NamedTuple):
    """One power-up of one device."""

    device: int
    boot: int


class KnownMessages:
    """The highest n that is stored, or being stored, of each boot of each device of a lane.

    Parameters
    ----------
    bound : boots that are remembered; the longest unused go first and are looked up again

    Attributes
    ----------
    generation : how often all was forgotten; what was read from the table before is void then
    """

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.generation = 0
        self._highest: dict[BootKey, int] = {}

    def __len__(self) -> int:
        return len(self._highest)

    def unknown(self, table: Table) -> list[BootKey]:
        """Boots of these rows (sorted by identity) of which nothing is known yet."""
        return [key for key, _, _ in _runs(table) if key not in self._highest]

    def learn(self, highest: Iterable[tuple[BootKey, int]], *, generation: int) -> None:
        """Take in what the table said: the highest n of each boot, or `NOTHING_STORED`.

        Parameters
        ----------
        generation : that of the moment when the table was asked
        """
        if generation != self.generation:
            return
        for key, n in highest:
            self._highest[key] = max(n, self._highest.get(key, NOTHING_STORED))

    def surely_new(self, table: Table) -> NDArray[np.bool_]:
        """Which rows (sorted by identity, each boot known) cannot be in the table yet."""
        above = np.empty(len(table), dtype=np.bool_)
        n = table["n"]
        for key, start, end in _runs(table):
            above[start:end] = n[start:end].astype(np.int64) > self._highest[key]
        return above

    def claim(self, table: Table) -> None:
        """Count the rows (sorted by identity) as stored from now on."""
        n = table["n"]
        for key, _, end in _runs(table):
            highest = self._highest.pop(key, NOTHING_STORED)  # back in at the end: newest use
            self._highest[key] = max(highest, int(n[end - 1]))
        while len(self._highest) > self.bound:
            del self._highest[next(iter(self._highest))]

    def forget(self) -> None:
        """Know nothing any more: what was claimed may not have been stored."""
        self._highest.clear()
        self.generation += 1


def shares_a_message(one: Table, other: Table) -> bool:
    """Whether a message (device, boot, n) occurs in both tables of frames."""
    return not _messages(one).isdisjoint(_messages(other))


class Stretch(NamedTuple):
    """Messages of one boot, from one number to another, both included."""

    device: int
    boot: int
    from_n: int
    to_n: int


def message_stretches(table: Table) -> list[Stretch]:
    """Stretches that hold the messages of a table of frames (sorted by identity).

    A hole of up to `HOLE_MOST` numbers is taken in: what lies there is read for nothing, but a
    stretch costs a look into each partition.
    """
    stretches = []
    n = table["n"].astype(np.int64)
    for key, start, end in _runs(table):
        cuts = np.flatnonzero(np.diff(n[start:end]) > HOLE_MOST) + start + 1
        for first, last in zip([start, *cuts], [*cuts, end], strict=True):
            stretches.append(Stretch(key.device, key.boot, int(n[first]), int(n[last - 1])))
    return stretches


def _messages(table: Table) -> set[tuple[int, int, int]]:
    return set(
        zip(table["device"].tolist(), table["boot"].tolist(), table["n"].tolist(), strict=True)
    )


def _runs(table: Table) -> list[tuple[BootKey, int, int]]:
    """Stretches of rows of one boot in a table sorted by identity: key, start, end."""
    if len(table) == 0:
        return []
    device, boot = table["device"], table["boot"]
    changes = np.flatnonzero((device[1:] != device[:-1]) | (boot[1:] != boot[:-1])) + 1
    starts = [0, *changes.tolist()]
    ends = [*starts[1:], len(table)]
    keys = map(BootKey, device[starts].tolist(), boot[starts].tolist())
    return list(zip(keys, starts, ends, strict=True))
