"""A private RabbitMQ node with a virtual host for each test."""

import secrets
import time
from dataclasses import dataclass

from typing_extensions import override

from deploy.local.servers import rabbitmq
from deploy.local.servers.command import LOOPBACK, free_port
from deploy.local.servers.process import ServerProcess
from tests.harness.server import PrivateServer

ADMIN = "vw_admin"
PASSWORD = "private-to-this-test-run"


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualHost:
    """Where a test's own virtual host is, and who may do all in it."""

    host: str
    port: int
    name: str
    user: str
    password: str

    @property
    def url(self) -> str:
        """The same as an AMQP address."""
        return f"amqp://{self.user}:{self.password}@{self.host}:{self.port}/{self.name}"


class RabbitMq(PrivateServer):
    """A node that tests command through its Erlang shell: no plugin, no port, no extra process.

    Parameters
    ----------
    settings : more of rabbitmq.conf
    """

    def __init__(self, settings: dict[str, str] | None = None) -> None:
        super().__init__("rabbitmq")
        self.port = free_port()
        command = rabbitmq.prepare(
            self.folder,
            self.port,
            definitions_json=rabbitmq.definitions({ADMIN: PASSWORD}, [], []),
            settings=settings,
            erlang_shell=True,
        )
        self.process = ServerProcess(
            command, is_ready=lambda: rabbitmq.is_ready(self.port), input_open=True
        )

    def create_virtual_host(self) -> VirtualHost:
        """A new one, in which the user `vw_admin` may do all."""
        name = f"test-{secrets.token_hex(6)}"
        self.command(f'ok = rabbit_vhost:add(<<"{name}">>, <<"test">>)')
        self.allow(
            rabbitmq.Permission(
                user=ADMIN, virtual_host=name, configure=".*", write=".*", read=".*"
            )
        )
        return VirtualHost(host=LOOPBACK, port=self.port, name=name, user=ADMIN, password=PASSWORD)

    def create_user(self, name: str, password: str) -> None:
        """A user without any right."""
        self.command(
            f'ok = rabbit_auth_backend_internal:put_user(#{{name => <<"{name}">>, '
            f'password => <<"{password}">>, tags => <<>>}}, <<"test">>)'
        )

    def allow(self, right: rabbitmq.Permission) -> None:
        """Give a user a right."""
        patterns = ", ".join(f'<<"{p}">>' for p in (right.configure, right.write, right.read))
        escaped = patterns.replace("\\", "\\\\")
        self.command(
            f'ok = rabbit_auth_backend_internal:set_permissions(<<"{right.user}">>, '
            f'<<"{right.virtual_host}">>, {escaped}, <<"test">>)'
        )

    def delete_virtual_host(self, virtual_host: VirtualHost) -> None:
        """Remove it with its queues; its connections are closed."""
        self.command(f'ok = rabbit_vhost:delete(<<"{virtual_host.name}">>, <<"test">>)')

    @override
    def kill(self) -> None:
        """SIGKILL, when what was made a moment ago is saved: a test makes streams and kills."""
        if self.running:
            self.flush()
        super().kill()

    def flush(self) -> None:
        """Save what the node itself saves only twice a second: which replicated logs it has.

        A node that is killed within half a second of its very first stream or quorum queue has
        forgotten it (3.10.8, tried): it answers "home node is down" for ever.
        """
        self.command("lists:foreach(fun dets:sync/1, dets:all())")

    def command(self, expression: str, *, within_s: float = 90.0) -> str:
        """Evaluate an Erlang expression in the node, and give its printed result.

        Raises
        ------
        AssertionError : it fails, with Erlang's reason, or gives no answer in time
        """
        mark = secrets.token_hex(8)
        begin = self.process.log.stat().st_size
        # The mark is put together by the node, so that an echo of the input is not its answer.
        line = (
            f"(fun() -> R = try {{ok, begin {expression} end}} catch C:E -> {{C, E}} end, "
            f'io:format("~n~s~s ~0p ~s.~n", ["{mark[:8]}", "{mark[8:]}", R, "end"]) end)().\n'
        )
        pipe = self.process.process.stdin
        assert pipe is not None
        pipe.write(line.encode())
        pipe.flush()
        said = ""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            with self.process.log.open("rb") as log:
                log.seek(begin)
                said = log.read().decode(errors="replace")
            _, found, rest = said.partition(f"{mark} ")
            answer, ended, _ = rest.partition(" end.")
            if found and ended:
                assert answer.startswith("{ok,"), f"{expression} failed: {answer}"
                return answer.removeprefix("{ok,").removesuffix("}")
            time.sleep(0.005)
        raise AssertionError(f"no answer to {expression} in {within_s} s; it said: {said[-1000:]}")
