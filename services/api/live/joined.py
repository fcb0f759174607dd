"""Joins the parts of the live room. No logic."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import APIRouter

from services.api.access import Access, Request
from services.api.authentication import Authenticator
from services.api.live.connections import Connections
from services.api.live.event_stream import EventStreams
from services.api.live.feed_store import FeedStore
from services.api.live.flushing import Flusher
from services.api.live.hub import Hub
from services.api.live.rights import Rights
from services.api.live.routes import routes
from services.api.live.strands import Strands
from services.api.live.subscribing import Subscribing
from services.api.live.tail import Tail
from services.api.live.websocket import LiveSockets
from services.api.metrics import ApiMetrics
from services.api.settings import ApiSettings
from shared.broker.connection import Broker
from shared.database.pool import Database
from shared.database.statements import load_statements
from shared.device_models.catalogue import load_device_models
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The routes of live data and the loops behind them."""

    router: APIRouter
    tail: Tail
    rights: Rights
    connections: Connections
    flusher: Flusher


def live_room(
    *,
    settings: ApiSettings,
    access: Access,
    authenticator: Authenticator,
    caller: Callable[..., Awaitable[Request]],
    broker: Broker,
    database: Database,
    metrics: ApiMetrics,
    clock: Clock,
) -> Live:
    """The live room between the streams and its clients."""
    store = FeedStore(database, load_statements("services.api.live"))
    hub = Hub(
        ring_events=settings.live_ring_events_most,
        channels={
            (name, stream.key): stream.channels
            for name, model in load_device_models().items()
            for stream in model.streams
            if stream.channels
        },
    )
    strands = Strands()
    connections = Connections(
        hub=hub, strands=strands, settings=settings, metrics=metrics, clock=clock
    )
    flusher = Flusher(
        connections=connections,
        strands=strands,
        metrics=metrics,
        clock=clock,
        every_s=settings.live_flush_s,
    )
    rights = Rights(
        access=access,
        authenticator=authenticator,
        hub=hub,
        connections=connections,
        metrics=metrics,
        clock=clock,
        every_s=settings.live_recheck_s,
    )
    subscribing = Subscribing(rights=rights, hub=hub, store=store, settings=settings, clock=clock)
    sockets = LiveSockets(
        authenticator=authenticator,
        audit=access.audit,
        connections=connections,
        subscribing=subscribing,
        hub=hub,
        settings=settings,
        metrics=metrics,
        clock=clock,
    )
    streams = EventStreams(
        connections=connections,
        subscribing=subscribing,
        settings=settings,
        metrics=metrics,
        clock=clock,
    )
    return Live(
        router=routes(sockets, streams, caller=caller),
        tail=Tail(broker=broker, store=store, hub=hub, metrics=metrics, clock=clock),
        rights=rights,
        connections=connections,
        flusher=flusher,
    )
