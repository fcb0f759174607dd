"""Whom the open sockets may still see: asked again and again, so that an ended relation ends them.

While the database is away the sockets go on with what was known last.
"""

import asyncio
from collections.abc import Iterable, Mapping

import structlog

from services.api.access import Access
from services.api.audit import Action
from services.api.authentication import Authenticator
from services.api.core.permissions import Permission, UserId
from services.api.core.sight import SeenPatient
from services.api.live.clients import Subscription
from services.api.live.connections import FORBIDDEN, NOT_AUTHENTICATED, Connection, Connections
from services.api.live.hub import Hub
from services.api.live.subscriptions import Subscribe
from services.api.live.together import Together
from services.api.metrics import ApiMetrics
from shared.contracts.identity import PatientKey
from shared.errors import Invalid, NotFound, Unavailable
from shared.runtime.clock import Clock
from shared.runtime.waiting import pause

log = structlog.get_logger()

_Wish = tuple[tuple[str, ...], str | None]  # patients and ward that a subscription names


class Rights:
    """Finds out whom a subscription brings, at its begin and from then on."""

    def __init__(
        self,
        *,
        access: Access,
        authenticator: Authenticator,
        hub: Hub,
        connections: Connections,
        metrics: ApiMetrics,
        clock: Clock,
        every_s: float,
    ) -> None:
        self._access = access
        self._authenticator = authenticator
        self._hub = hub
        self._connections = connections
        self._metrics = metrics
        self._clock = clock
        self._every_s = every_s
        self._sights: dict[tuple[UserId, _Wish], dict[PatientKey, SeenPatient]] = {}
        self._sight_of = Together(access.sight_of)
        self._own_wards = Together(access.own_wards)

    async def admit(
        self, connection: Connection, asked: Subscribe, *, most: int
    ) -> Mapping[PatientKey, SeenPatient]:
        """Whom a subscription brings at its begin; written down.

        Raises
        ------
        Denied : the role reads no clinical data
        NotFound : a patient or a ward that the user may not see
        Invalid : more patients than a subscription may have
        """
        request = connection.request
        await self._access.require(request, Permission.READ_CLINICAL, Action.WATCH)
        user_id = request.principal.user_id
        seen = await self._sight_of(user_id)
        wards = await self._wards(user_id, [asked])
        found = self._same_as_before(user_id, _wish(asked), _chosen(asked, seen, wards))
        if found is None:
            await self._access.refuse(request, Action.WATCH, reason="no relation")
            raise NotFound("a patient or a ward of this subscription")
        if len(found) > most:
            raise Invalid(f"a subscription has at most {most} patients")
        await self._access.note_read(request, Action.WATCH, found.values())
        return found

    async def run(self, stop: asyncio.Event) -> None:
        """Check all open sockets, again and again, until the stop."""
        while not await pause(stop, self._every_s):
            try:
                with self._metrics.recheck_seconds.time():
                    await self._check()
            except Unavailable as error:
                self._metrics.recheck_failures.inc()
                log.warning("rights_not_checked", error=str(error))

    async def _check(self) -> None:
        # Those that are there now: who comes while the database answers was just let in.
        sessions = [
            (connection, connection.principal.session_id) for connection in self._connections.open
        ]
        held = await self._authenticator.holding({session_id for _, session_id in sessions})
        by_user: dict[UserId, list[tuple[Connection, Subscription]]] = {}
        for connection, session_id in sessions:
            if session_id not in held and connection.principal.session_id == session_id:
                connection.close(NOT_AUTHENTICATED, "session_ended")
            for subscription in connection.client.subscriptions.values():
                of_user = by_user.setdefault(connection.principal.user_id, [])
                of_user.append((connection, subscription))
        used: set[tuple[UserId, _Wish]] = set()
        for user_id, watched in by_user.items():
            seen = await self._sight_of(user_id)
            wards = await self._wards(user_id, [one.asked for _, one in watched])
            sights: dict[_Wish, dict[PatientKey, SeenPatient] | None] = {}
            for connection, subscription in watched:
                wish = _wish(subscription.asked)
                if wish not in sights:
                    found = _chosen(subscription.asked, seen, wards)
                    sights[wish] = self._same_as_before(user_id, wish, found)
                    used.add((user_id, wish))
                await self._follow(connection, subscription, sights[wish])
        self._sights = {key: sight for key, sight in self._sights.items() if key in used}

    def _same_as_before(
        self, user_id: UserId, wish: _Wish, found: tuple[SeenPatient, ...] | None
    ) -> dict[PatientKey, SeenPatient] | None:
        """A sight as one object for all sockets that share it, kept while nothing changes.

        So that hundreds of sockets on one ward cost one comparison, not one each.
        """
        if found is None:
            return None
        fresh = {patient.id: patient for patient in found}
        known = self._sights.get((user_id, wish))
        if known == fresh:
            return known
        self._sights[user_id, wish] = fresh
        return fresh

    async def _follow(
        self,
        connection: Connection,
        subscription: Subscription,
        found: dict[PatientKey, SeenPatient] | None,
    ) -> None:
        if not subscription.is_current:
            return  # ended, or asked anew, while the database answered
        if found is None:
            connection.close(FORBIDDEN, "relation_ended")
            await self._access.refuse(
                connection.request, Action.WATCH, reason="the relation has ended"
            )
            return
        if found is subscription.patients:
            return
        fresh = [patient for key, patient in found.items() if key not in subscription.patients]
        if fresh:
            await self._access.note_read(connection.request, Action.WATCH, fresh)
        self._hub.update(subscription, found)

    async def _wards(self, user_id: UserId, asked: Iterable[Subscribe]) -> frozenset[str]:
        if all(subscribe.ward is None for subscribe in asked):
            return frozenset()
        return frozenset(ward.key for ward in await self._own_wards(user_id))


def _wish(asked: Subscribe) -> _Wish:
    return asked.patients, asked.ward


def _chosen(
    asked: Subscribe, seen: tuple[SeenPatient, ...], wards: frozenset[str]
) -> tuple[SeenPatient, ...] | None:
    """Those of the seen patients whom a subscription names; None when it names one unseen."""
    if asked.ward is not None:
        there = tuple(
            patient
            for patient in seen
            if patient.ward is not None and patient.ward.key == asked.ward
        )
        return there if there or asked.ward in wards else None
    by_key = {patient.key: patient for patient in seen}
    if any(key not in by_key for key in asked.patients):
        return None
    return tuple(by_key[key] for key in dict.fromkeys(asked.patients))
