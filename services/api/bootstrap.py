"""Joins the api: opens adapters, makes the services, runs the loops. No logic."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from pydantic import SecretStr
from starlette.types import ASGIApp

from services.api.access import Access
from services.api.audit import AuditTrail
from services.api.authentication import AccessTokens, Authenticator, PasswordHashes
from services.api.core.token_bucket import Rate
from services.api.http.app import build_app
from services.api.http.callers import callers, origin_of
from services.api.http.compression import Compression
from services.api.http.edge import Edge
from services.api.http.server import WebServer
from services.api.live.joined import live_room
from services.api.metrics import ApiMetrics
from services.api.resources.alarms.routes import routes as alarm_routes
from services.api.resources.alarms.service import AlarmService
from services.api.resources.alarms.store import AlarmStore
from services.api.resources.assignments.routes import routes as assignment_routes
from services.api.resources.assignments.service import AssignmentService
from services.api.resources.assignments.store import AssignmentStore
from services.api.resources.audit.routes import routes as entry_routes
from services.api.resources.audit.service import EntryService
from services.api.resources.audit.store import EntryStore
from services.api.resources.beats.routes import routes as beat_routes
from services.api.resources.beats.service import BeatService
from services.api.resources.beats.store import BeatStore
from services.api.resources.commands.routes import routes as command_routes
from services.api.resources.commands.service import CommandService
from services.api.resources.commands.store import CommandStore
from services.api.resources.configurations.routes import routes as configuration_routes
from services.api.resources.configurations.service import ConfigurationService
from services.api.resources.configurations.store import ConfigurationStore
from services.api.resources.devices.routes import routes as device_routes
from services.api.resources.devices.service import DeviceService
from services.api.resources.devices.store import DeviceStore
from services.api.resources.erasures.routes import routes as erasure_routes
from services.api.resources.erasures.service import ErasureService
from services.api.resources.erasures.store import ErasureStore
from services.api.resources.eventlog.routes import routes as log_routes
from services.api.resources.eventlog.service import LogService
from services.api.resources.eventlog.store import LogStore
from services.api.resources.events.routes import routes as event_routes
from services.api.resources.events.service import EventService
from services.api.resources.events.store import EventStore
from services.api.resources.exports.routes import routes as export_routes
from services.api.resources.exports.service import ExportService
from services.api.resources.exports.store import ExportStore
from services.api.resources.groups.routes import routes as group_routes
from services.api.resources.groups.service import GroupService
from services.api.resources.groups.store import GroupStore
from services.api.resources.imports.routes import PATH as IMPORTS
from services.api.resources.imports.routes import routes as import_routes
from services.api.resources.imports.service import Formats, ImportService
from services.api.resources.imports.store import ImportStore
from services.api.resources.limits.routes import routes as limit_routes
from services.api.resources.limits.service import LimitService
from services.api.resources.limits.store import LimitStore
from services.api.resources.maps.routes import PATH as MAPS
from services.api.resources.maps.routes import routes as map_routes
from services.api.resources.maps.service import MapService
from services.api.resources.maps.store import MapStore
from services.api.resources.me.routes import routes as me_routes
from services.api.resources.models.routes import routes as model_routes
from services.api.resources.patients.routes import routes as patient_routes
from services.api.resources.patients.service import PatientService
from services.api.resources.patients.store import PatientStore
from services.api.resources.places.routes import routes as place_routes
from services.api.resources.places.service import PlaceService
from services.api.resources.places.store import PlaceStore
from services.api.resources.retentions.routes import routes as retention_routes
from services.api.resources.retentions.service import RetentionService
from services.api.resources.retentions.store import RetentionStore
from services.api.resources.spirometry.routes import routes as blow_routes
from services.api.resources.spirometry.service import BlowService
from services.api.resources.spirometry.store import BlowStore, load_lung_table
from services.api.resources.stances.routes import routes as stance_routes
from services.api.resources.stances.service import StanceService
from services.api.resources.stances.store import StanceStore
from services.api.resources.tables.routes import routes as table_routes
from services.api.resources.token.routes import routes as token_routes
from services.api.resources.token.service import TokenService
from services.api.resources.token.store import TokenStore
from services.api.resources.vitals.routes import routes as vital_routes
from services.api.resources.vitals.service import VitalService
from services.api.resources.vitals.store import VitalStore
from services.api.resources.wards.routes import routes as ward_routes
from services.api.resources.wards.service import WardService
from services.api.resources.wards.store import WardStore
from services.api.resources.waveforms.routes import routes as waveform_routes
from services.api.resources.waveforms.service import WaveformService
from services.api.samples.reader import SampleReader
from services.api.settings import ApiSettings
from shared.broker.connection import Broker, BrokerAddress
from shared.broker.publisher import Publisher
from shared.codecs.register import load_codecs
from shared.contracts.file_reading import LARGEST_FILE_BYTES
from shared.contracts.place_maps import LARGEST_MAP_BYTES
from shared.database.pool import Database, DatabaseAddress
from shared.database.statements import Statements, load_statements
from shared.device_models.catalogue import load_device_models
from shared.recordings.register import load_formats
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.service import Runtime
from shared.telemetry.metrics import Metrics

_RESOURCES = "services.api.resources"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the routers are made of."""

    settings: ApiSettings
    database: Database
    metrics: ApiMetrics
    clock: Clock
    audit: AuditTrail
    access: Access
    authenticator: Authenticator
    tokens: AccessTokens
    hashes: PasswordHashes
    publisher: Publisher


def parts_of(
    settings: ApiSettings,
    *,
    key: SecretStr,
    database: Database,
    publisher: Publisher,
    metrics: ApiMetrics,
    clock: Clock,
) -> Parts:
    """The parts, made of settings and a database."""
    statements = load_statements("services.api")
    audit = AuditTrail(database, statements, metrics)
    tokens = AccessTokens(
        key.get_secret_value(),
        lifetime_s=settings.api_access_token_s,
        clock=clock,
    )
    return Parts(
        settings=settings,
        database=database,
        metrics=metrics,
        clock=clock,
        audit=audit,
        access=Access(database, statements, audit),
        authenticator=Authenticator(tokens, database, statements, clock),
        tokens=tokens,
        hashes=PasswordHashes(
            memory_kib=settings.api_password_memory_kib, passes=settings.api_password_passes
        ),
        publisher=publisher,
    )


def rest_routers(parts: Parts) -> list[APIRouter]:
    """Every router of REST."""
    settings, access, clock = parts.settings, parts.access, parts.clock
    rate = Rate(burst=settings.api_request_burst, per_s=settings.api_requests_per_s)
    caller = callers(parts.authenticator, parts.audit, requests=rate, refusals=rate, clock=clock)

    token_service = TokenService(
        store=TokenStore(parts.database, load_statements(f"{_RESOURCES}.token")),
        hashes=parts.hashes,
        tokens=parts.tokens,
        authenticator=parts.authenticator,
        audit=parts.audit,
        clock=clock,
        metrics=parts.metrics,
        settings=settings,
    )
    models = load_device_models()
    database = parts.database

    def statements(resource: str) -> Statements:
        return load_statements(f"{_RESOURCES}.{resource}")

    samples = SampleReader(database, load_statements("services.api.samples"))

    return [
        token_routes(
            token_service,
            origin=origin_of,
            cookie_secure=settings.api_cookie_secure,
            cookie_s=settings.api_refresh_token_s,
        ),
        me_routes(access, caller=caller),
        ward_routes(
            WardService(access, WardStore(database, statements("wards")), clock, models),
            caller=caller,
        ),
        patient_routes(
            PatientService(access, PatientStore(database, statements("patients")), clock, models),
            caller=caller,
        ),
        vital_routes(
            VitalService(access, VitalStore(database, statements("vitals")), clock), caller=caller
        ),
        waveform_routes(
            WaveformService(
                access,
                samples,
                clock,
                models,
            ),
            caller=caller,
        ),
        export_routes(
            ExportService(
                access, samples, ExportStore(database, statements("exports")), clock, models
            ),
            caller=caller,
        ),
        beat_routes(
            BeatService(access, BeatStore(database, statements("beats")), clock), caller=caller
        ),
        event_routes(
            EventService(access, EventStore(database, statements("events")), clock), caller=caller
        ),
        log_routes(
            LogService(access, LogStore(database, statements("eventlog")), clock), caller=caller
        ),
        limit_routes(
            LimitService(access, LimitStore(database, statements("limits"))), caller=caller
        ),
        alarm_routes(
            AlarmService(
                access,
                AlarmStore(database, statements("alarms"), parts.publisher),
                clock,
                action_wait_s=settings.api_action_wait_s,
            ),
            caller=caller,
        ),
        device_routes(
            DeviceService(access, DeviceStore(database, statements("devices")), models),
            caller=caller,
        ),
        command_routes(
            CommandService(
                access,
                CommandStore(database, statements("commands"), parts.publisher),
                clock,
                models,
            ),
            caller=caller,
        ),
        configuration_routes(
            ConfigurationService(
                access, ConfigurationStore(database, statements("configurations")), models
            ),
            caller=caller,
        ),
        import_routes(
            ImportService(
                access,
                ImportStore(database, statements("imports")),
                Formats(
                    suffixes={one.name: one.suffixes for one in load_formats().values()},
                    codecs=frozenset(
                        name for name, codec in load_codecs().items() if codec.read_file is not None
                    ),
                ),
                models,
            ),
            caller=caller,
        ),
        map_routes(MapService(access, MapStore(database, statements("maps"))), caller=caller),
        place_routes(
            PlaceService(access, PlaceStore(database, statements("places")), clock), caller=caller
        ),
        stance_routes(
            StanceService(access, StanceStore(database, statements("stances")), models),
            caller=caller,
        ),
        model_routes(models, caller=caller),
        assignment_routes(
            AssignmentService(access, AssignmentStore(database, statements("assignments")), clock),
            caller=caller,
        ),
        group_routes(
            GroupService(access, GroupStore(database, statements("groups"))), caller=caller
        ),
        entry_routes(
            EntryService(access, EntryStore(database, statements("audit")), clock), caller=caller
        ),
        erasure_routes(
            ErasureService(access, ErasureStore(database, statements("erasures"))), caller=caller
        ),
        blow_routes(
            BlowService(
                access, BlowStore(database, statements("spirometry")), clock, load_lung_table()
            ),
            caller=caller,
        ),
        retention_routes(
            RetentionService(access, RetentionStore(database, statements("retentions"))),
            caller=caller,
        ),
        table_routes(),
    ]


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document of all routes, without opening anything."""
    nowhere, unused = SecretStr("-" * 32), Metrics("api")
    address = DatabaseAddress(host="", port=1, name="", user="", password=nowhere)
    broker = Broker(
        BrokerAddress(host="", port=1, vhost="", user="", password=nowhere),
        instance="document",
        metrics=unused,
    )
    parts = parts_of(
        ApiSettings.model_construct(),
        key=nowhere,
        database=Database(address, instance="document", metrics=unused),
        publisher=Publisher(broker, clock=SystemClock()),
        metrics=ApiMetrics(unused),
        clock=SystemClock(),
    )
    return build_app(rest_routers(parts), page=None).openapi()


async def bootstrap(settings: ApiSettings, runtime: Runtime) -> None:
    """Open what the api needs and name its loops."""
    metrics = ApiMetrics(runtime.metrics)
    database = await runtime.open(
        Database.of(settings, instance=settings.instance, metrics=runtime.metrics)
    )
    broker = await runtime.open(
        Broker(BrokerAddress.of(settings), instance=settings.instance, metrics=runtime.metrics)
    )
    publisher = await runtime.open(Publisher(broker, clock=runtime.clock))
    parts = parts_of(
        settings,
        key=settings.api_token_key,
        database=database,
        publisher=publisher,
        metrics=metrics,
        clock=runtime.clock,
    )
    rate = Rate(burst=settings.api_request_burst, per_s=settings.api_requests_per_s)
    live = live_room(
        settings=settings,
        access=parts.access,
        authenticator=parts.authenticator,
        caller=callers(
            parts.authenticator, parts.audit, requests=rate, refusals=rate, clock=runtime.clock
        ),
        broker=broker,
        database=database,
        metrics=metrics,
        clock=runtime.clock,
    )
    app: ASGIApp = build_app([*rest_routers(parts), live.router], page=settings.api_web_folder)
    app = Edge(
        Compression(app),
        body_bytes_most=settings.api_body_bytes_most,
        larger_bodies={IMPORTS: LARGEST_FILE_BYTES, MAPS: LARGEST_MAP_BYTES},
        metrics=metrics,
        clock=runtime.clock,
    )
    runtime.loop("audit", parts.audit.run)
    runtime.loop("tail", live.tail.run)
    runtime.loop("rights", live.rights.run)
    runtime.loop("live_state", live.connections.run_state)
    runtime.loop("live_flush", live.flusher.run)
    runtime.loop("live_end", live.connections.end_all)
    runtime.loop("http", WebServer(app, settings, runtime.health, runtime.clock).run)
