"""The alarms of a patient that have not ended, and how each kind of change is written on them."""

import msgspec

from services.alarms.core.alarm_state import SECOND_US
from services.alarms.core.memory import Memory
from services.alarms.core.occurrence import Ending, Occurrence, Standing
from services.alarms.core.rules import Kind, Relation
from shared.contracts.actions import Acknowledge, PauseSound

TELL_WORSE_US = 5 * SECOND_US  # a worse value is told at most so often
PAUSE_MOST_US = 600 * SECOND_US  # behaviour b5: an audio pause lasts at most 10 min


class StandingAlarms:
    """Writes changes on what stands in a memory; each gives the alarm as it is now."""

    def __init__(self, memory: Memory) -> None:
        self._standing = memory.standing

    def begin(self, key: str, alarm: Occurrence) -> list[Occurrence]:
        """A new alarm. It sounds through a pause, and ends it unless it is of less priority."""
        paused = {
            other: held
            for other, held in self._standing.items()
            if held.paused_until is not None and held.paused_until > alarm.updated
        }
        highest = max((held.priority.rank for held in paused.values()), default=0)
        ended = paused if alarm.priority.rank >= highest else {}
        changed = [self._change(other, at=alarm.updated, paused_until=None) for other in ended]
        self._standing[key] = alarm
        return [*changed, alarm]

    def acknowledge(self, key: str, by: Acknowledge) -> Occurrence:
        """Somebody has seen it."""
        return self._change(
            key,
            at=by.at,
            state=Standing.ACKNOWLEDGED,
            acknowledged_by=by.by,
            acknowledged_by_name=by.by_name,
            acknowledged_at=by.at,
        )

    def come_back(self, key: str, at: int) -> Occurrence:
        """It was acknowledged long ago and its cause is still there."""
        return self._change(
            key,
            at=at,
            state=Standing.ACTIVE,
            acknowledged_by=None,
            acknowledged_by_name=None,
            acknowledged_at=None,
            paused_until=None,
            returned=True,
        )

    def latch(self, key: str, at: int) -> Occurrence:
        """Its cause has ended and nobody has seen it."""
        return self._change(key, at=at, state=Standing.CLEARED, unsure=False)

    def end(self, key: str, at: int, because: Ending, by: Acknowledge | None = None) -> Occurrence:
        """It is of the past."""
        if by is not None:
            self.acknowledge(key, by)
        ended = self._change(
            key, at=at, state=Standing.ENDED, ended_at=at, ended_because=because, unsure=False
        )
        del self._standing[key]
        return ended

    def pause(self, pause: PauseSound) -> list[Occurrence]:
        """Rest the sound of all that stands."""
        until = min(pause.until, pause.at + PAUSE_MOST_US)
        return [
            self._change(key, at=pause.at, paused_until=until)
            for key, held in list(self._standing.items())
            if held.paused_until != until
        ]

    def doubt(self, key: str, at: int) -> list[Occurrence]:
        """There is no value now that would confirm it."""
        held = self._standing.get(key)
        if held is None or held.unsure or held.state is Standing.CLEARED:
            return []
        return [self._change(key, at=at, unsure=True)]

    def doubt_all_values(self, at: int) -> list[Occurrence]:
        """There are no values at all."""
        return [
            changed
            for key, held in list(self._standing.items())
            if held.kind is Kind.PHYSIOLOGICAL
            for changed in self.doubt(key, at)
        ]

    def confirm(
        self, key: str, value: float, at: int, *, method: str | None, derived: bool
    ) -> list[Occurrence]:
        """There is a value again: it is not unsure, and the worst value is kept and told.

        What only derived values raised is told again once something sees the thing itself.
        """
        held = self._standing.get(key)
        if held is None or held.state is Standing.CLEARED or held.relation is None:
            return []
        worst = held.value is None or (
            value < held.value if held.relation is Relation.BELOW else value > held.value
        )
        seen = held.derived and not derived
        if held.unsure or seen or (worst and at - held.told_value_at >= TELL_WORSE_US):
            shown = value if worst or seen else held.value
            by = method if worst or seen else held.method
            return [
                self._change(
                    key, at=at, unsure=False, value=shown, told_value_at=at, method=by,
                    derived=held.derived and derived,
                )
            ]  # fmt: skip
        return []

    def find(self, alarm_id: str) -> str | None:
        """Key of the alarm with this id, while it stands."""
        return next((key for key, held in self._standing.items() if held.id == alarm_id), None)

    def _change(self, key: str, *, at: int, **fields: object) -> Occurrence:
        before = self._standing[key]
        changed = msgspec.structs.replace(
            before,
            updated=max(at, before.updated + 1),  # strictly later: a page tells the newer by it
            revision=before.revision + 1,
            **{"returned": False, **fields},
        )
        self._standing[key] = changed
        return changed
