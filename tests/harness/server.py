"""What the three private servers have in common: a folder, a life that can be ended and resumed."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Self

from deploy.local.servers.process import ServerProcess


class PrivateServer:
    """A server of our own on a free loopback port; the same port and data over every restart."""

    process: ServerProcess
    port: int

    def __init__(self, name: str) -> None:
        # Not pytest's folder: PostgreSQL's user must be able to pass it.
        self.folder = Path(tempfile.mkdtemp(prefix=f"vw-harness-{name}-"))
        self.folder.chmod(0o711)

    @property
    def pid(self) -> int:
        """Id of the running process."""
        return self.process.process.pid

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self.process.running

    def start(self) -> Self:
        """Start it and wait until it takes clients. Blocks."""
        self.process.start()
        self.process.wait_ready()
        return self

    def kill(self) -> None:
        """SIGKILL, as a power cut would look to its clients."""
        self.process.kill()

    def stop(self) -> None:
        """End it in good order."""
        self.process.stop()

    async def restart(self, *, within_s: float = 180.0) -> None:
        """Start it again where it was, and wait without holding up the event loop."""
        self.process.start()
        async with asyncio.timeout(within_s):
            while not await asyncio.to_thread(self.process.is_ready):
                await asyncio.sleep(0.05)

    def discard(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
