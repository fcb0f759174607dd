"""``vitals.{lane}`` and ``events``: what the signal processing gives out.

What lanes give at nearly the same time goes out together: for RabbitMQ and each of four readers a
message costs as much as a hundred values.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.dsp.adapters.assignment_table import AssignmentTable
from services.dsp.core.exchange import Values
from services.dsp.core.patients import MANY
from services.dsp.core.wearers import NOBODY
from shared.broker.message import Message
from shared.broker.publisher import Confirmation, Publisher
from shared.contracts.beats import encode_beats
from shared.contracts.events import encode_event
from shared.contracts.formats import BEATS_V1, EVENT_V1, VITALS_V1, Format
from shared.contracts.identity import Lane, PatientKey, lane_of, shard_of_patient
from shared.contracts.names import UNLANED, Exchange, Header, routing_key
from shared.contracts.records import Table
from shared.contracts.vitals import encode_vitals
from shared.errors import Dependency, NotFound, Unavailable
from shared.runtime.clock import Clock


@dataclass(slots=True, eq=False)
class _Gathering:
    """What goes out together, and how that went."""

    given: list[tuple[Values, Lane]] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    error: str | None = "it was given up"


class VitalStream:
    """Implements `Outlet`: by the lane of the patient, of the device while nobody wears it.

    Parameters
    ----------
    together_s : so long the first waits for what others give
    """

    def __init__(
        self,
        publisher: Publisher,
        assignments: AssignmentTable,
        *,
        lanes: int,
        incarnation: int,
        clock: Clock,
        together_s: float,
    ) -> None:
        self._publisher = publisher
        self._assignments = assignments
        self._lanes = lanes
        self._headers: dict[str, str | int] = {Header.INCARNATION.value: incarnation}
        self._clock = clock
        self._together_s = together_s
        self._gathering: _Gathering | None = None

    async def give(self, values: Values, lane: Lane) -> None:
        """Publish, and wait until all is confirmed.

        The first of those who give at nearly the same time publishes for all of them. A stream
        that is not there is one that RabbitMQ has not opened yet after its restart: so it is
        worth trying again. The same again is harmless: readers know it by its keys.
        """
        gathering = self._gathering
        if gathering is not None:
            gathering.given.append((values, lane))
            await gathering.done.wait()
            if gathering.error is not None:
                raise Unavailable(Dependency.RABBITMQ, gathering.error)
            return
        gathering = self._gathering = _Gathering([(values, lane)])
        try:
            await self._clock.sleep(self._together_s)
            self._gathering = None  # who comes now waits for the next
            await self._publish(gathering.given)
            gathering.error = None
        except Unavailable as error:
            gathering.error = str(error)
            raise
        finally:
            if self._gathering is gathering:
                self._gathering = None
            gathering.done.set()

    async def _publish(self, given: Sequence[tuple[Values, Lane]]) -> None:
        confirmations: list[Confirmation] = [
            await self._publisher.send(message) for message in self._messages(given)
        ]
        try:
            for confirmation in confirmations:
                await confirmation
        except NotFound as error:
            raise Unavailable(Dependency.RABBITMQ, str(error)) from error

    def _messages(self, given: Sequence[tuple[Values, Lane]]) -> Iterator[Message]:
        vitals: dict[Lane, list[Table]] = {}
        beats: dict[Lane, list[Table]] = {}
        for values, lane in given:
            told = values.vitals.copy()
            worn_by = self._assignments.patients_at(told["device"], told["t"])
            # What several devices have made is of the patient already.
            told["patient"] = np.where(told["device"] == MANY, told["patient"], worn_by)
            for to_lane, table in self._by_lane(told, told["patient"], lane):
                vitals.setdefault(to_lane, []).append(table)
            wearers = self._assignments.patients_at(values.beats["device"], values.beats["t"])
            for to_lane, table in self._by_lane(values.beats, wearers, lane):
                beats.setdefault(to_lane, []).append(table)
        for to_lane, tables in sorted(vitals.items()):
            yield self._message(to_lane, VITALS_V1, encode_vitals(np.concatenate(tables)))
        for to_lane, tables in sorted(beats.items()):
            yield self._message(to_lane, BEATS_V1, encode_beats(np.concatenate(tables)))
        for event in [event for values, _ in given for event in values.events]:
            yield Message(
                exchange=Exchange.EVENTS,
                routing_key=UNLANED[Exchange.EVENTS].value,
                format=EVENT_V1,
                body=encode_event(event),
                headers=self._headers,
                message_id=event.id,
                t=event.t,
            )

    def _by_lane(
        self, table: Table, patient: NDArray[np.int32], lane: Lane
    ) -> Sequence[tuple[Lane, Table]]:
        if not len(table):
            return []
        worn_by, place = np.unique(patient, return_inverse=True)
        lane_of_each = [
            lane if who == NOBODY else lane_of(shard_of_patient(PatientKey(who)), self._lanes)
            for who in worn_by.tolist()
        ]
        lanes = np.array(lane_of_each, dtype=np.int64)[place]
        return [(Lane(to), table[lanes == to]) for to in sorted(set(lane_of_each))]

    def _message(self, lane: Lane, form: Format, body: bytes) -> Message:
        return Message(
            exchange=Exchange.VITALS,
            routing_key=routing_key(lane),
            format=form,
            body=body,
            headers=self._headers,
        )
