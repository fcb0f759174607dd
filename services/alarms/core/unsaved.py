"""What was decided and is not in the database yet, and what comes back from there at a start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from services.alarms.core.limits import Bounds
from services.alarms.core.memory import Memory
from services.alarms.core.occurrence import Occurrence
from shared.contracts.events import Event
from shared.contracts.notices import Notice

Announcement = Event | Notice


@dataclass(slots=True, kw_only=True)
class Unsaved:
    """What is to be saved in one transaction; grows while the database is away.

    Attributes
    ----------
    positions : next offset by stream
    memories : encoded memory and next deadline by patient
    alarms : newest form of each changed alarm by id, in the order of first change
    announcements : in order; `announced` of them were told already
    actions : outcome by id of the actions that were carried out
    limits : limits in force by patient
    now : up to when deadlines have taken effect
    """

    positions: dict[str, int] = field(default_factory=dict)
    memories: dict[int, tuple[bytes, int | None]] = field(default_factory=dict)
    alarms: dict[str, Occurrence] = field(default_factory=dict)
    announcements: list[Announcement] = field(default_factory=list)
    announced: int = 0
    actions: dict[str, str] = field(default_factory=dict)
    limits: dict[int, Mapping[str, Bounds]] = field(default_factory=dict)
    now: int = 0

    @property
    def is_urgent(self) -> bool:
        """Whether somebody waits for it; the rest may be saved now and then."""
        return bool(self.alarms or self.announcements or self.actions or self.limits)


class Restored(NamedTuple):
    """A lane as it was saved last.

    `saves` counts the saves, `now` is up to when deadlines have taken effect, `open` was decided
    and perhaps not told.
    """

    saves: int
    now: int
    positions: Mapping[str, int]
    memories: Mapping[int, Memory]
    open: Sequence[Announcement]
