"""A private PostgreSQL with a database for each test, copied from a template."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncpg
from typing_extensions import override

from deploy.local.servers import postgres
from deploy.local.servers.command import LOOPBACK, free_port
from deploy.local.servers.process import NotReady, ServerProcess
from tests.harness.server import PrivateServer

PASSWORD = "private-to-this-test-run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where a test's own database is, and who may do all in it."""

    host: str
    port: int
    name: str
    user: str
    password: str

    async def connect(
        self, *, user: str | None = None, password: str | None = None
    ) -> asyncpg.Connection:
        """A connection, as the superuser unless told otherwise."""
        return await asyncpg.connect(
            host=self.host,
            port=self.port,
            database=self.name,
            user=user or self.user,
            password=password or self.password,
            timeout=60,
        )


class Postgres(PrivateServer):
    """A database server without durability against power loss; a killed process loses nothing."""

    def __init__(self) -> None:
        super().__init__("postgres")
        self.port = free_port()
        command = postgres.prepare(
            self.folder, self.port, password=PASSWORD, settings=postgres.NO_FLUSH
        )
        self.process = ServerProcess(command, is_ready=lambda: postgres.is_ready(self.port))

    def database(self, name: str) -> Database:
        """The address of a database of this server."""
        return Database(
            host=LOOPBACK, port=self.port, name=name, user=postgres.SUPERUSER, password=PASSWORD
        )

    async def create_database(self, *, template: str = "template1") -> Database:
        """A new database, copied from a template in some 30 ms."""
        name = f"test_{secrets.token_hex(6)}"
        await self._administer(f'create database "{name}" template "{template}"')
        return self.database(name)

    async def create_template(self, name: str, fill: Callable[[Database], Awaitable[None]]) -> str:
        """A template that `fill` fills, made once."""
        await self._administer(f'drop database if exists "{name}"')
        await self._administer(f'create database "{name}"')
        await fill(self.database(name))
        return name

    async def drop_database(self, database: Database) -> None:
        """Remove it, whoever is still connected."""
        await self._administer(f'drop database if exists "{database.name}" with (force)')

    async def _administer(self, statement: str) -> None:
        connection = await self.database("postgres").connect()
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    @override
    def stop(self) -> None:
        """Fast shutdown: clients are disconnected, a checkpoint is written."""
        self.process.stop(number=postgres.FAST_SHUTDOWN)

    @override
    async def restart(self, *, within_s: float = 180.0) -> None:
        """Start it again where it was.

        After SIGKILL the back ends of the dead server live on until they notice; as long as one
        does, the new server refuses to start, so it is tried again.
        """
        async with asyncio.timeout(within_s):
            while True:
                self.process.start()
                try:
                    while not await asyncio.to_thread(self.process.is_ready):
                        await asyncio.sleep(0.05)
                except NotReady:
                    await asyncio.sleep(0.1)
                else:
                    return
