"""Who did what to whose data: written durably before an answer leaves.

Entries of requests that come at the same time share one transaction, because the chain of the
audit trail lets one writer at a time through.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import structlog

from services.api.metrics import ApiMetrics
from shared.database.pool import Database
from shared.database.statements import Statements
from shared.errors import Dependency, Unavailable, VitalwireError
from shared.runtime.waiting import wait_or_stop

log = structlog.get_logger()

_BATCH = 200
_WAITING_MOST = 10_000  # entries; above, a request is told that the database is away
_WAIT_S = 15.0


class Outcome(StrEnum):
    """How a request ended."""

    GRANTED = "granted"
    REFUSED = "refused"


class Action(StrEnum):
    """What was done or tried."""

    LOG_IN = "log_in"
    LOG_OUT = "log_out"
    REFRESH = "refresh"
    REFRESH_REUSED = "refresh_reused"
    AUTHENTICATE = "authenticate"
    READ_WARD = "read_ward"
    READ_PATIENTS = "read_patients"
    READ_PATIENT = "read_patient"
    READ_VITALS = "read_vitals"
    READ_WAVEFORMS = "read_waveforms"
    READ_BEATS = "read_beats"
    READ_EVENTS = "read_events"
    EXPORT = "export"
    READ_LIMITS = "read_limits"
    SET_LIMITS = "set_limits"
    READ_ALARMS = "read_alarms"
    ACKNOWLEDGE_ALARM = "acknowledge_alarm"
    PAUSE_ALARMS = "pause_alarms"
    WATCH = "watch"
    READ_DEVICES = "read_devices"
    CREATE_DEVICE = "create_device"
    ROTATE_CREDENTIAL = "rotate_credential"
    REVOKE_DEVICE = "revoke_device"
    READ_AUDIT = "read_audit"
    COMMAND_DEVICE = "command_device"
    READ_COMMANDS = "read_commands"
    CONFIGURE_DEVICE = "configure_device"
    READ_CONFIGURATION = "read_configuration"
    READ_COUNTERS = "read_counters"
    RETIRE_DEVICE = "retire_device"
    MAKE_CLAIM_CODE = "make_claim_code"
    CLAIM_DEVICE = "claim_device"
    ASSIGN_DEVICE = "assign_device"
    RELEASE_DEVICE = "release_device"
    READ_ASSIGNMENTS = "read_assignments"
    READ_GROUPS = "read_groups"
    CHANGE_GROUP = "change_group"
    ERASE_PATIENT = "erase_patient"
    READ_ERASURES = "read_erasures"
    READ_RETENTION = "read_retention"
    SET_RETENTION = "set_retention"
    READ_SPIROMETRY = "read_spirometry"
    SET_LUNG_REFERENCE = "set_lung_reference"
    IMPORT_FILE = "import_file"
    READ_IMPORTS = "read_imports"
    READ_PLACE = "read_place"
    READ_MAPS = "read_maps"
    BRING_MAP = "bring_map"
    USE_MAP = "use_map"
    REMOVE_MAP = "remove_map"
    TELL_STANCE = "tell_stance"
    TAKE_BACK_STANCE = "take_back_stance"
    READ_STANCE = "read_stance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """From where a request came."""

    address: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One row of the audit trail."""

    actor: str
    action: Action
    resource: str
    outcome: Outcome
    origin: Origin
    patient_id: int | None = None
    device_id: int | None = None
    reason: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Waiting:
    entries: Sequence[AuditEntry]
    done: asyncio.Future[None]
    error: VitalwireError | None = None


class AuditTrail:
    """Appends to the audit trail; ``run`` is its loop."""

    def __init__(self, database: Database, statements: Statements, metrics: ApiMetrics) -> None:
        self._database = database
        self._append = statements["append_audit"]
        self._metrics = metrics
        self._waiting: deque[_Waiting] = deque()
        self._n_waiting = 0
        self._work: asyncio.Future[None] | None = None

    async def append(self, *entries: AuditEntry) -> None:
        """Write the entries; returns when they are durable.

        Cancel-safe: cancelled, they are still written.

        Raises
        ------
        Unavailable : they could not be written; what they tell of must not be given out
        """
        if not entries:
            return
        if self._n_waiting + len(entries) > _WAITING_MOST:
            raise Unavailable(Dependency.POSTGRESQL, "too much waits for the audit trail")
        waiting = _Waiting(entries, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._n_waiting += len(entries)
        self._metrics.audit_waiting.set(self._n_waiting)
        if self._work is not None and not self._work.done():
            self._work.set_result(None)
        try:
            async with asyncio.timeout(_WAIT_S):
                await waiting.done
        except TimeoutError as error:
            raise Unavailable(Dependency.POSTGRESQL, "the audit trail takes too long") from error
        if waiting.error is not None:
            raise waiting.error

    async def run(self, stop: asyncio.Event) -> None:
        """Write what waits, until the stop and nothing waits any more."""
        while True:
            if not self._waiting:
                if stop.is_set():
                    return
                self._work = asyncio.get_running_loop().create_future()
                await wait_or_stop(self._work, stop)
                continue
            await self._write_batch()

    async def _write_batch(self) -> None:
        batch: list[_Waiting] = []
        n_entries = 0
        while self._waiting and n_entries < _BATCH:
            batch.append(self._waiting.popleft())
            n_entries += len(batch[-1].entries)
        error: VitalwireError | None = Unavailable(Dependency.POSTGRESQL, "the api stops")
        try:
            await self._write([entry for waiting in batch for entry in waiting.entries])
            error = None
            self._metrics.audit_entries.inc(n_entries)
        except VitalwireError as failure:
            error = failure
            self._metrics.audit_failures.inc()
            log.warning("audit_not_written", entries=n_entries, error=str(failure))
        finally:
            self._n_waiting -= n_entries
            self._metrics.audit_waiting.set(self._n_waiting)
            for waiting in batch:
                waiting.error = error
                if not waiting.done.done():
                    waiting.done.set_result(None)

    async def _write(self, entries: Sequence[AuditEntry]) -> None:
        columns = zip(
            *(
                (
                    entry.actor,
                    entry.action.value,
                    entry.resource,
                    entry.outcome.value,
                    entry.patient_id,
                    entry.device_id,
                    entry.reason,
                    entry.origin.address,
                    entry.origin.request_id,
                    entry.detail,
                )
                for entry in entries
            ),
            strict=True,
        )
        async with self._database.session() as session:
            await session.fetch(self._append, *(list(column) for column in columns))
