"""``vitals.{lane}`` and ``events``: what the signal processing gives out."""

from collections.abc import Sequence

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


class VitalStream:
    """Implements `Outlet`: by the lane of the patient, of the device while nobody wears it."""

    def __init__(
        self, publisher: Publisher, assignments: AssignmentTable, *, lanes: int, incarnation: int
    ) -> None:
        self._publisher = publisher
        self._assignments = assignments
        self._lanes = lanes
        self._headers: dict[str, str | int] = {Header.INCARNATION.value: incarnation}

    async def give(self, values: Values, lane: Lane) -> None:
        """Publish, and wait until all is confirmed.

        A stream that is not there is one that RabbitMQ has not opened yet after its restart: so
        it is worth trying again. The same again is harmless: readers know it by its keys.
        """
        messages = self._messages(values, lane)
        confirmations: list[Confirmation] = [
            await self._publisher.send(message) for message in messages
        ]
        try:
            for confirmation in confirmations:
                await confirmation
        except NotFound as error:
            raise Unavailable(Dependency.RABBITMQ, str(error)) from error

    def _messages(self, values: Values, lane: Lane) -> list[Message]:
        messages = []
        vitals = values.vitals.copy()
        worn_by = self._assignments.patients_at(vitals["device"], vitals["t"])
        # What several devices have made is of the patient already.
        vitals["patient"] = np.where(vitals["device"] == MANY, vitals["patient"], worn_by)
        for to_lane, table in self._by_lane(vitals, vitals["patient"], lane):
            messages.append(self._message(to_lane, VITALS_V1, encode_vitals(table)))
        wearers = self._assignments.patients_at(values.beats["device"], values.beats["t"])
        for to_lane, table in self._by_lane(values.beats, wearers, lane):
            messages.append(self._message(to_lane, BEATS_V1, encode_beats(table)))
        messages += [
            Message(
                exchange=Exchange.EVENTS,
                routing_key=UNLANED[Exchange.EVENTS].value,
                format=EVENT_V1,
                body=encode_event(event),
                headers=self._headers,
                message_id=event.id,
                t=event.t,
            )
            for event in values.events
        ]
        return messages

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
