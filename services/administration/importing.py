"""`vitalwire import`: takes recordings in as if devices had sent them late.

It brings them over REST with the login of a person, not as the administrator of the database: the
right to import is enough, it is written down who brought what for whom, and it works from any
machine that reaches the api. Twice is harmless; a bad file is refused whole and says where.
"""

import argparse
import asyncio
import io
import json
import os
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import httpx

from shared.contracts.file_reading import LARGEST_FILE_BYTES, FileState
from shared.recordings.register import load_formats
from shared.recordings.wfdb import BadRecordError, decode_header
from shared.runtime.service import EXIT_FAILED, EXIT_MISCONFIGURED
from shared.runtime.waiting import pause

LOOK_S = 0.5
REQUEST_S = 60.0
AWAY_MOST = 20
"""Answers that do not come, in a row, before it is given up: ten seconds of them."""
_SENT_PIECE = 65_536
_EPOCH_OF_ZIP = (1980, 1, 1, 0, 0, 0)


class CannotImportError(Exception):
    """What was asked for cannot be done; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where to, and as whom."""

    url: str
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A file to bring: its bytes, under which name."""

    name: str
    data: bytes
    form: str | None


class Importer:
    """Brings recordings over REST and waits for what becomes of them."""

    def __init__(self, http: httpx.AsyncClient, login: Login, out: TextIO) -> None:
        self._http = http
        self._login = login
        self._out = out
        self._token = ""
        self._stop = asyncio.Event()

    async def bring(self, recording: Recording, params: Mapping[str, Any]) -> tuple[str, bool]:
        """Send a recording; gives its id, and whether it is new."""
        about = {"name": recording.name, **params}
        if recording.form is not None:
            about.setdefault("format", recording.form)
        # Sent again after a lost answer, the same bytes are the same import.
        answer = await self._ask("POST", "/v1/imports", params=about, content=recording.data)
        return str(answer.json()["id"]), answer.status_code == httpx.codes.ACCEPTED

    async def wait(self, name: str, file: str) -> FileState:
        """Show how far a file is until it has ended."""
        told = ""
        while True:
            found = (await self._ask("GET", f"/v1/imports/{file}")).json()
            state = FileState(found["state"])
            says = _progress(found)
            if says != told:
                self._say(f"{name}: {says}", passing=state is FileState.READING)
                told = says
            if state in (FileState.STORED, FileState.REFUSED):
                return state
            await pause(self._stop, LOOK_S)

    def _say(self, text: str, *, passing: bool) -> None:
        if self._out.isatty():
            self._out.write(f"\r\x1b[K{text}" + ("" if passing else "\n"))
        elif not passing:
            self._out.write(text + "\n")
        self._out.flush()

    async def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """An answer of the api; logs in where the token does not hold (any more)."""
        failures = 0
        while True:
            headers = {"Authorization": f"Bearer {self._token}"}
            try:
                if not self._token:
                    headers = {"Authorization": f"Bearer {await self._log_in()}"}
                answer = await self._http.request(method, path, headers=headers, **request)
            except httpx.TransportError as error:
                failures += 1
                if failures >= AWAY_MOST:
                    raise CannotImportError(
                        f"{self._login.url} does not answer: {error}"
                    ) from error
                await pause(self._stop, LOOK_S)
                continue
            if answer.status_code == httpx.codes.UNAUTHORIZED and failures < 1:
                failures, self._token = failures + 1, ""
                continue
            if answer.status_code in (
                httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS
            ) and failures < AWAY_MOST:  # fmt: skip
                failures += 1
                await pause(self._stop, LOOK_S)
                continue
            if answer.is_error:
                raise CannotImportError(_refusal(answer))
            return answer

    async def _log_in(self) -> str:
        answer = await self._http.post(
            "/v1/token",
            data={"username": self._login.user, "password": self._login.password},
        )
        if answer.is_error:
            raise CannotImportError(f"log-in of {self._login.user}: {_refusal(answer)}")
        self._token = str(answer.json()["access_token"])
        return self._token


def read_recording(path: Path) -> Recording:
    """The file to bring; a WFDB header is put into an archive with the files that it names.

    Raises
    ------
    CannotImportError : it cannot be read, or is too large
    """
    try:
        if path.suffix.lower() == ".hea":
            return _wfdb(path)
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise CannotImportError(
                f"{path.name}: more than {LARGEST_FILE_BYTES >> 20} MiB; bring it in parts"
            )
        return Recording(name=path.name, data=path.read_bytes(), form=_form_of(path.name))
    except OSError as error:
        raise CannotImportError(f"{path}: {error.strerror}") from error


def _wfdb(path: Path) -> Recording:
    """The record of a header as one archive, the same bytes each time."""
    header = path.read_bytes()
    try:
        names = sorted({signal.file for signal in decode_header(header).signals})
    except BadRecordError as error:
        raise CannotImportError(f"{path.name}: {error}") from error
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, data in [
            (path.name, header), *((name, _beside(path, name)) for name in names)
        ]:  # fmt: skip
            archive.writestr(zipfile.ZipInfo(name, _EPOCH_OF_ZIP), data, zipfile.ZIP_DEFLATED)
    return Recording(name=f"{path.stem}.zip", data=packed.getvalue(), form="wfdb")


def _beside(path: Path, name: str) -> bytes:
    if "/" in name or "\\" in name or name in (".", ".."):
        raise CannotImportError(f"{path.name}: names a file in another folder")
    return (path.parent / name).read_bytes()


def _form_of(name: str) -> str | None:
    for form in load_formats().values():
        if name.lower().endswith(form.suffixes):
            return form.name
    return None


def _progress(found: Mapping[str, Any]) -> str:
    match FileState(found["state"]):
        case FileState.STORED:
            return (
                f"stored: {found['frames']} frames from {found['recorded_from']} to "
                f"{found['recorded_to']}"
            )
        case FileState.REFUSED:
            where = ""
            if found["line"] is not None:
                where = f" in line {found['line']}"
            elif found["offset"] is not None:
                where = f" at byte {found['offset']}"
            return f"refused{where}, nothing of it is stored: {found['reason']}, {found['detail']}"
        case FileState.READING if found["pieces"]:
            return f"{found['stored_pieces']} of {found['pieces']} pieces are stored"
        case state:
            return state.value


def _refusal(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"


async def import_all(
    paths: Sequence[Path],
    login: Login,
    params: Mapping[str, Any],
    *,
    ca_file: str | None = None,
    out: TextIO,
) -> int:
    """Bring all recordings, one after the other; gives how many were not stored."""
    n_bad = 0
    async with httpx.AsyncClient(
        base_url=login.url, timeout=REQUEST_S, verify=ca_file or True, trust_env=False
    ) as http:
        importer = Importer(http, login, out)
        for path in paths:
            try:
                recording = read_recording(path)
                file, is_new = await importer.bring(recording, params)
                if not is_new:
                    out.write(f"{path.name}: was brought before\n")
                state = await importer.wait(path.name, file)
                n_bad += state is FileState.REFUSED
                if state is FileState.STORED and not is_new:
                    out.write(f"{path.name}: already stored, nothing is there twice\n")
            except CannotImportError as error:
                out.write(f"{path.name}: {error}\n")
                n_bad += 1
    return n_bad


def main() -> int:
    """Bring the named recordings; gives the exit status: 1 when one was not stored."""
    options = _parser().parse_args()
    try:
        login = _login(options)
    except CannotImportError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_MISCONFIGURED
    params: dict[str, Any] = {"device": options.device}
    if options.patient is not None:
        params["patient"] = options.patient
    if options.format is not None:
        params["format"] = options.format
    if options.option:
        params["option"] = options.option
    n_bad = asyncio.run(
        import_all(options.file, login, params, ca_file=options.ca_file, out=sys.stdout)
    )
    return EXIT_FAILED if n_bad else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vitalwire import", description=__doc__)
    parser.add_argument("file", nargs="+", type=Path, help="recordings; of WFDB the .hea file")
    parser.add_argument("--device", required=True, help="whose recording it is")
    parser.add_argument("--patient", help="who wore the device then, where nobody has said so yet")
    parser.add_argument("--format", help="edf_plus, wfdb, csv, ...; else by the name of the file")
    parser.add_argument(
        "--option", action="append", metavar="NAME=VALUE", help="of the format, such as start=..."
    )
    parser.add_argument(
        "--server", help="address of the api, such as https://host:8443 (VITALWIRE_SERVER)"
    )
    parser.add_argument("--user", help="who brings it (VITALWIRE_USER)")
    parser.add_argument(
        "--password-file", type=Path, help="where the password stands (VITALWIRE_PASSWORD_FILE)"
    )
    parser.add_argument(
        "--connection", type=Path, help="connection.json of a private system, instead of the three"
    )
    parser.add_argument("--ca-file", help="certificates to trust, instead of the system's")
    return parser


def _login(options: argparse.Namespace) -> Login:
    if options.connection is not None:
        # Whose patient it is, only those who care for them may say.
        role = "technician" if options.patient is None else "clinician"
        return _login_of(options.connection, options.user, role)
    server = options.server or os.environ.get("VITALWIRE_SERVER")
    user = options.user or os.environ.get("VITALWIRE_USER")
    password_file = options.password_file or os.environ.get("VITALWIRE_PASSWORD_FILE")
    if not (server and user and password_file):
        raise CannotImportError("--server, --user and --password-file, or --connection, are needed")
    try:
        password = Path(password_file).read_text().strip()
    except OSError as error:
        raise CannotImportError(f"{password_file}: {error.strerror}") from error
    return Login(url=server, user=user, password=password)


def _login_of(path: Path, user: str | None, role: str) -> Login:
    """The login of a private system: of this user, or the first of a role."""
    try:
        said = json.loads(path.read_text())
        people = {one["role"]: one for one in said["users"]}
        named = [one for one in said["users"] if one["username"] == user]
        who = named[0] if named else people[role]
        return Login(url=said["page"], user=who["username"], password=who["password"])
    except OSError as error:
        raise CannotImportError(f"no system runs here ({path}): make run") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CannotImportError(f"{path} is no connection.json: {error!r}") from error


if __name__ == "__main__":
    sys.exit(main())
