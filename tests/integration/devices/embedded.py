"""Compiles the C sender with every warning an error, and runs its example as a process."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

EMBEDDED = Path(__file__).parents[3] / "devices" / "embedded"
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@cache
def compiler() -> str:
    """The machine's C compiler."""
    found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    assert found, "no C compiler; as root: apt-get install gcc libc6-dev"
    return found


@cache
def has_sanitizers() -> bool:
    """Whether programs can be linked with them here."""
    command = [compiler(), *SANITIZERS, "-x", "c", "-", "-o", "/dev/null"]
    program = b"int main(void) { return 0; }"
    return (
        subprocess.run(
            command, input=program, capture_output=True, check=False, timeout=180
        ).returncode
        == 0
    )


def compile_c(sources: Sequence[Path], to: Path, *defines: str, sanitized: bool = True) -> Path:
    """Give the program that the sources make."""
    options = [
        "-std=c99",
        "-g",
        "-O1",
        "-I",
        str(EMBEDDED),
        *WARNINGS,
        *(f"-D{each}" for each in defines),
    ]
    if sanitized and has_sanitizers():
        options += SANITIZERS
    command = [compiler(), *options, "-o", str(to), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return to


def library() -> list[Path]:
    """The sources of the library itself."""
    return [path for path in sorted(EMBEDDED.glob("*.c")) if path.name != "check.c"]


class Sender:
    """The example sender at work; what it says, line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said: list[str] = []

    async def listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.said.append(line.decode().strip())

    @property
    def boot(self) -> int:
        return int(next(line for line in self.said if line.startswith("boot ")).split()[1])

    async def until_ended(self, *, within_s: float) -> int:
        async with asyncio.timeout(within_s):
            return await self._process.wait()


@asynccontextmanager
async def running(
    program: Path, port: int, device: str, secret_file: Path, *task: int
) -> AsyncIterator[Sender]:
    """The sender as a process, killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        program, "127.0.0.1", str(port), device, secret_file, *map(str, task),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    sender = Sender(process)
    listening = asyncio.create_task(sender.listen())
    try:
        yield sender
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening
