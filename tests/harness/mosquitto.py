"""A private mosquitto with any configuration."""

import signal
from collections.abc import Iterable, Mapping

from deploy.local.servers import mosquitto
from deploy.local.servers.command import free_port, write_private
from deploy.local.servers.process import ServerProcess
from tests.harness.server import PrivateServer

GATEWAY = "vw_gateway"


class Mosquitto(PrivateServer):
    """A broker for devices.

    Parameters
    ----------
    users : secret of each user; None lets everybody in under any name, and do anything
    settings : lines of mosquitto.conf that add to ours or replace them
    """

    def __init__(
        self, users: Mapping[str, str] | None = None, *, settings: Iterable[str] = ()
    ) -> None:
        super().__init__("mosquitto")
        self.port = free_port()
        self.files = mosquitto.MosquittoFiles(folder=self.folder)
        self.users = dict(users or {})
        lines = list(settings)
        if users is None:
            lines = ["allow_anonymous true", "acl_file", "password_file", *lines]
        command = mosquitto.prepare(self.folder, self.port, users=self.users, settings=lines)
        self.process = ServerProcess(command, is_ready=lambda: mosquitto.is_ready(self.port))

    def write_users(self, users: Mapping[str, str]) -> None:
        """Replace all credentials and have them read."""
        self.users = dict(users)
        write_private(self.files.passwords, mosquitto.password_lines(self.users))
        self.reload()

    def reload(self) -> None:
        """Have it read its password and ACL files again."""
        self.process.send_signal(signal.SIGHUP)
