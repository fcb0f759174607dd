"""A service as a process of its own between private servers, to be killed and frozen."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.harness.deployment import ROLE_PASSWORD
from tests.harness.postgres import Database
from tests.harness.rabbitmq import VirtualHost

ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class ServiceProcess:
    """One replica of a service."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @classmethod
    def start(
        cls,
        service: str,
        *,
        number: int,
        folder: Path,
        virtual_host: VirtualHost,
        database: Database,
        settings: dict[str, str],
    ) -> Self:
        """Start one.

        Parameters
        ----------
        number : of the replica; its instance is `gateway-0`, `gateway-1` and so on
        folder : where its secret and its log are written
        settings : by their names without the prefix, over the addresses of the servers
        """
        secret = folder / "password"
        secret.touch(0o600)
        secret.write_text(ROLE_PASSWORD)
        log = folder / f"{service}-{number}.log"
        environment = {
            "INSTANCE": f"{service}-{number}",
            "AMQP_HOST": virtual_host.host,
            "AMQP_PORT": str(virtual_host.port),
            "AMQP_VHOST": virtual_host.name,
            "AMQP_USER": virtual_host.user,
            "AMQP_PASSWORD_FILE": str(secret),
            "DATABASE_HOST": database.host,
            "DATABASE_PORT": str(database.port),
            "DATABASE_NAME": database.name,
            "DATABASE_PASSWORD_FILE": str(secret),
            **settings,
        }
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", f"services.{service}"],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"]}
                | {f"VITALWIRE_{name}": value for name, value in environment.items()},
                stdout=out,
                stderr=out,
            )
        return cls(process, log)

    def kill(self) -> None:
        """SIGKILL; it is gone on return."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)

    def stop(self) -> int:
        """SIGTERM; gives the exit status."""
        self.process.terminate()
        return self.process.wait(90)

    def freeze(self) -> None:
        """Stand still with all connections open."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self.process.send_signal(signal.SIGCONT)

    def said(self) -> str:
        """Its log so far."""
        return self.log.read_text(errors="replace")

    def discard(self) -> None:
        """Whatever state it is in, end it."""
        if self.process.poll() is None:
            self.thaw()
            self.kill()
