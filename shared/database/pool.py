"""Sessions with PostgreSQL: pooled, with timeouts, and with our errors instead of the driver's.

`Unavailable` is what may work when tried again (link, restart, deadlock, lock and statement
timeouts, no space, no memory); `Conflict` a unique, exclusion or foreign key; `Invalid` values
that a column refuses; `Denied` a missing right; `Misconfigured` a schema that does not fit.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self, cast

import asyncpg
import msgspec
import structlog
from asyncpg import exceptions as pg
from pydantic import SecretStr
from typing_extensions import override

from shared.database.statements import Statement
from shared.errors import Conflict, Denied, Dependency, Invalid, Misconfigured, Unavailable
from shared.runtime.settings import DatabaseSettings
from shared.telemetry.metrics import Metrics

log = structlog.get_logger()

CONNECT_TIMEOUT_S = 10.0
ACQUIRE_TIMEOUT_S = 15.0  # longer than a connect, so that a slow one is told as such
LOCK_TIMEOUT_S = 5.0
IDLE_IN_TRANSACTION_TIMEOUT_S = 60.0
COMMAND_SLACK_S = 5.0  # the client gives up so much after the server should have
CLOSE_TIMEOUT_S = 2.0
IDLE_CONNECTION_S = 300.0


class Row(Protocol):
    """One row: values by column name or position."""

    def __getitem__(self, key: str | int, /) -> Any: ...

    def __len__(self) -> int: ...

    def keys(self) -> Iterator[str]:
        """Names of the columns."""

    def values(self) -> Iterator[Any]:
        """Values in the order of the columns."""

    def items(self) -> Iterator[tuple[str, Any]]:
        """Names with values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseAddress:
    """Where PostgreSQL is and who we are there."""

    host: str
    port: int
    name: str
    user: str
    password: SecretStr

    @classmethod
    def of(cls, settings: DatabaseSettings) -> "DatabaseAddress":
        """The address that the settings tell; reads the password's file."""
        return cls(
            host=settings.database_host,
            port=settings.database_port,
            name=settings.database_name,
            user=settings.database_user,
            password=settings.database_password,
        )


class Duplicate(Conflict):
    """A unique key is there already."""


class _PooledConnection(asyncpg.Connection):
    """Given back without a `reset all`, a round trip that our sessions have no use for.

    They set nothing and lock nothing for longer than a transaction, and one that is left open
    is still rolled back.
    """

    @override
    def get_reset_query(self) -> str:
        return ""


class Session:
    """One connection for a while. Statements come from `queries.sql`, never from strings."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def fetch(self, statement: Statement, *values: Any) -> list[Row]:
        """All rows."""
        with database_errors(statement.name):
            rows = await self._connection.fetch(statement.sql, *values)
        return cast("list[Row]", rows)  # asyncpg's Record does all that Row asks for

    async def fetch_one(self, statement: Statement, *values: Any) -> Row | None:
        """The first row, or None."""
        with database_errors(statement.name):
            row = await self._connection.fetchrow(statement.sql, *values)
        return cast("Row | None", row)

    async def fetch_value(self, statement: Statement, *values: Any) -> Any:
        """The first column of the first row, or None."""
        with database_errors(statement.name):
            return await self._connection.fetchval(statement.sql, *values)

    async def execute(self, statement: Statement, *values: Any) -> int:
        """Do it; gives the number of rows that it touched."""
        with database_errors(statement.name):
            status = await self._connection.execute(statement.sql, *values)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def execute_many(self, statement: Statement, rows: Sequence[Sequence[Any]]) -> None:
        """Do it once for each row, all or none."""
        with database_errors(statement.name):
            await self._connection.executemany(statement.sql, rows)

    async def copy(
        self, *, schema: str, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Append rows by COPY; one that is refused refuses all."""
        with database_errors(f"copy_{schema}_{table}"):
            await self._connection.copy_records_to_table(
                table, schema_name=schema, columns=list(columns), records=rows
            )

    async def copy_payload(
        self, *, schema: str, table: str, columns: Sequence[str], payload: bytes
    ) -> None:
        """Append rows that are in the binary form of COPY already; one refused refuses all."""
        with database_errors(f"copy_{schema}_{table}"):
            await self._connection.copy_to_table(
                table,
                schema_name=schema,
                columns=list(columns),
                # A buffer goes out at once (the stubs lack it); bytes would be taken for a path.
                source=cast("Any", memoryview(payload)),
                format="binary",
            )

    async def run_script(self, sql: str, *, name: str, timeout_s: float) -> None:
        """Run a script of several statements, such as a migration."""
        with database_errors(name):
            await self._connection.execute(sql, timeout=timeout_s)

    async def listen(self, channel: str, heard: Callable[[], None]) -> None:
        """Have `heard` called at each notification, as long as this connection lives.

        For dedicated connections; what was notified before, or while a link is lost, is not heard.
        """

        def pass_on(*_: object) -> None:
            heard()

        with database_errors(f"listening to {channel}"):
            await self._connection.add_listener(channel, pass_on)

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo what happens inside when it raises, and only that. Also opens a transaction."""
        with database_errors("savepoint"):
            async with self._connection.transaction():
                yield

    @property
    def is_closed(self) -> bool:
        """Whether the link is gone."""
        return self._connection.is_closed()


class Database:
    """A pool of connections; an async context manager that closes it.

    It opens connections when they are needed, so a service starts while PostgreSQL is away.

    Parameters
    ----------
    address : where to
    instance : application name, shown in pg_stat_activity
    most : connections at most; a further session waits
    """

    def __init__(
        self,
        address: DatabaseAddress,
        *,
        instance: str,
        metrics: Metrics,
        most: int = 4,
        statement_timeout_s: float = 30.0,
    ) -> None:
        self._address = address
        self._instance = instance
        self._most = most
        self._statement_timeout_s = statement_timeout_s
        self._pool: asyncpg.Pool | None = None
        self._opened = metrics.counter("database_connections", "Connections opened to PostgreSQL")
        self._wait_s = metrics.histogram(
            "database_acquire_seconds", "Waiting for a connection of the pool"
        )

    @classmethod
    def of(cls, settings: DatabaseSettings, *, instance: str, metrics: Metrics) -> "Database":
        """The pool that the settings tell; reads the password's file."""
        return cls(
            DatabaseAddress.of(settings),
            instance=instance,
            metrics=metrics,
            most=settings.database_pool_most,
            statement_timeout_s=settings.database_statement_timeout_s,
        )

    async def __aenter__(self) -> Self:
        with database_errors("opening the pool"):
            self._pool = await asyncpg.create_pool(
                **self._arguments(),
                min_size=0,
                max_size=self._most,
                max_inactive_connection_lifetime=IDLE_CONNECTION_S,
                init=self._prepare,
                connection_class=_PooledConnection,
            )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await pool.close()
        except (TimeoutError, OSError, pg.PostgresError, pg.InterfaceError):
            pool.terminate()

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A connection of the pool; each statement is its own transaction."""
        assert self._pool is not None, "used inside its context"
        with self._wait_s.time(), database_errors("taking a connection"):
            connection = await self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        try:
            yield Session(cast("asyncpg.Connection", connection))  # the pool's proxy of one
        finally:
            with database_errors("giving a connection back"):
                await self._pool.release(connection, timeout=CLOSE_TIMEOUT_S)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """A connection in a transaction: committed at the end, undone when something raises.

        Not cancel-safe at the commit: cancelled there, it may or may not have happened, as when
        the link is lost there (Unavailable). What is written must bear being written again.
        """
        async with self.session() as session, session.savepoint():
            yield session

    @contextlib.asynccontextmanager
    async def dedicated(self, *, silence_s: float | None = None) -> AsyncIterator[Session]:
        """A connection of its own beside the pool, for advisory locks that live as long as it.

        Parameters
        ----------
        silence_s : the server ends the session, and with it the locks, when it hears nothing for
            so long: the process is frozen or its machine is gone without a word
        """
        settings = {"client_connection_check_interval": "1s"}
        if silence_s is not None:
            settings["idle_session_timeout"] = str(int(silence_s * 1_000))
        with database_errors("opening a dedicated connection"):
            connection = await asyncpg.connect(**self._arguments(**settings))
            await self._prepare(connection)
        try:
            yield Session(connection)
        finally:
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await connection.close()
            except (TimeoutError, OSError, pg.PostgresError, pg.InterfaceError):
                connection.terminate()

    def _arguments(self, **server_settings: str) -> dict[str, Any]:
        statement_ms = int(self._statement_timeout_s * 1_000)
        return {
            "host": self._address.host,
            "port": self._address.port,
            "database": self._address.name,
            "user": self._address.user,
            "password": self._address.password.get_secret_value(),
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": self._statement_timeout_s + COMMAND_SLACK_S,
            "server_settings": {
                "application_name": self._instance,
                "timezone": "UTC",
                "statement_timeout": str(statement_ms),
                "lock_timeout": str(int(LOCK_TIMEOUT_S * 1_000)),
                "idle_in_transaction_session_timeout": str(
                    int(IDLE_IN_TRANSACTION_TIMEOUT_S * 1_000)
                ),
                "tcp_keepalives_idle": "5",
                "tcp_keepalives_interval": "2",
                "tcp_keepalives_count": "3",
                "jit": "off",  # our statements are short: compiling costs more than it saves
                **server_settings,
            },
        }

    async def _prepare(self, connection: Any) -> None:
        """Let JSON columns carry Python values. `Any`: the pool gives a proxy of a connection."""
        self._opened.inc()
        for kind in ("json", "jsonb"):
            await connection.set_type_codec(
                kind, schema="pg_catalog", encoder=_to_json, decoder=msgspec.json.decode
            )


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


# What may work when it is tried again, by class of SQLSTATE: connection, transaction rollback
# (deadlock, serialization), resources, operator, system.
_PASSING = ("08", "40", "53", "57", "58")
_UNIQUE_VIOLATION = "23505"
_CONFLICTS = ("23P01", "23503")  # exclusion, foreign key
_LOCK_NOT_AVAILABLE = "55P03"
_INSUFFICIENT_PRIVILEGE = "42501"


@contextlib.contextmanager
def database_errors(doing: str) -> Iterator[None]:
    """Turn what the driver raises inside into our errors; `doing` names the statement."""
    try:
        yield
    except pg.PostgresError as error:
        raise _translated(error, doing) from error
    except (pg.InterfaceError, pg.InternalClientError, OSError, TimeoutError, EOFError) as error:
        # InternalClientError: a link that was lost in the middle of a COPY, told by the rollback
        if isinstance(error, pg.DataError | ValueError):
            raise Invalid(f"{doing}: {error}") from error
        raise Unavailable(Dependency.POSTGRESQL, f"{doing}: {error!r}") from error


def _translated(error: pg.PostgresError, doing: str) -> Exception:
    state = error.sqlstate or ""
    text = f"{doing}: {error} ({state})"
    if state.startswith(_PASSING) or state == _LOCK_NOT_AVAILABLE or not state:
        return Unavailable(Dependency.POSTGRESQL, text)
    if state == _UNIQUE_VIOLATION:
        return Duplicate(text, constraint=getattr(error, "constraint_name", None))
    if state in _CONFLICTS:
        return Conflict(text, constraint=getattr(error, "constraint_name", None))
    if state == _INSUFFICIENT_PRIVILEGE:
        return Denied(text)
    if state.startswith(("22", "23", "P0")):
        return Invalid(text)
    return Misconfigured(text)
