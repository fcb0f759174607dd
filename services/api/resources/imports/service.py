"""Recordings that people bring: taken in as if the device had sent them late."""

import contextlib
import hashlib
import re
import uuid
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.api.access import Access, Request
from services.api.audit import Action
from services.api.core.cursors import BadCursorError, decode_list_cursor, encode_list_cursor
from services.api.core.permissions import Permission
from services.api.core.sight import SeenDevice
from services.api.resources.imports.schemas import Import, ImportList
from services.api.resources.imports.store import ImportStore, NewImport
from shared.contracts.device_model import DeviceModel
from shared.contracts.file_reading import LARGEST_FILE_BYTES, FileState
from shared.contracts.instants import to_text
from shared.database.pool import Row
from shared.errors import Conflict, Invalid, NotFound

PART_BYTES = 262_144
OPTIONS_MOST = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OPTION = re.compile(r"([a-z][a-z0-9_]{0,39})=([^\x00-\x1f]{0,2000})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """A file as it is brought, before its bytes."""

    device: str
    patient: str | None
    name: str
    format: str | None
    options: Sequence[str]
    n_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Formats:
    """What may be brought.

    Parameters
    ----------
    suffixes : of file names, by format of recordings that are any device's
    codecs : formats that are files of a protocol: only of devices whose model speaks it
    """

    suffixes: Mapping[str, Sequence[str]]
    codecs: frozenset[str]

    def guess(self, name: str, model: DeviceModel | None) -> str | None:
        """The format that a file's name, or else the model of its device, says."""
        for form, suffixes in self.suffixes.items():
            if name.lower().endswith(tuple(suffixes)):
                return form
        spoken = self.codecs & set(model.codecs if model is not None else ())
        return next(iter(spoken)) if len(spoken) == 1 else None

    def takes(self, form: str, model: DeviceModel | None) -> bool:
        """Whether a device of this model may have files of a format."""
        if form in self.suffixes:
            return True
        return form in self.codecs and (model is None or form in model.codecs)


class ImportService:
    """Files for a user."""

    def __init__(
        self,
        access: Access,
        store: ImportStore,
        formats: Formats,
        models: Mapping[str, DeviceModel],
    ) -> None:
        self._access = access
        self._store = store
        self._formats = formats
        self._models = models

    async def bring(
        self, request: Request, brought: Brought, body: AsyncIterator[bytes], *, key: str | None
    ) -> tuple[Import, bool]:
        """Take a file in; gives it as it stands, and whether it is new.

        The bytes go to the database as they come. The same file brought again is the one before.

        Raises
        ------
        Invalid : no such format, no length, an option or a name that is none
        Conflict : the key was used for another file, or the device is retired
        NotFound : device or patient are not there for this user
        """
        patient = None
        if brought.patient is not None:
            patient = await self._access.patient(
                request, brought.patient, Action.IMPORT_FILE, Permission.IMPORT_RECORDINGS
            )
        device = await self._access.device(
            request,
            brought.device,
            Action.IMPORT_FILE,
            Permission.IMPORT_RECORDINGS,
            detail={"format": brought.format, "bytes": brought.n_bytes},
        )
        new = NewImport(
            id=_import_id(request, device.device, key),
            device=device.id,
            patient=None if patient is None else patient.id,
            name=_name_of(brought),
            format=self._format_of(brought, device),
            total=_length_of(brought),
            options=_options_of(brought.options),
            sent_by=request.principal.username,
        )
        begun = await self._store.begin(new)
        if begun == "there":
            return await self._shown(new.id), False
        if begun == "other":
            raise Conflict("The Idempotency-Key was used for another file.")
        digest = await self._keep(new, body)
        stands = await self._store.finish(new.id, digest)
        return await self._shown(stands), stands == new.id

    async def imports(
        self, request: Request, name: str, *, limit: int, cursor: str | None
    ) -> ImportList:
        """A page of files of a device."""
        after = _after(cursor)
        device = await self._access.device(request, name, Action.READ_IMPORTS)
        rows = await self._store.imports(device, after=after, limit=limit + 1)
        page = rows[:limit]
        last = page[-1] if len(rows) > limit else None
        return ImportList(
            items=[_as_shown(row) for row in page],
            next=None
            if last is None
            else encode_list_cursor(str(_to_us(last["made_at"])), last["id"]),
        )

    async def found(self, request: Request, file: str) -> Import:
        """One file.

        Raises
        ------
        NotFound : there is no such file, or its device is not there for this user
        """
        row = await self._store.found(file)
        name = row["device"] if row is not None else "-"
        await self._access.device(request, name, Action.READ_IMPORTS)
        assert row is not None, "no device has this name"
        return _as_shown(row)

    async def _keep(self, new: NewImport, body: AsyncIterator[bytes]) -> bytes:
        """Write the bytes down; gives their SHA-256. Cancelled or cut off, nothing is left."""
        digest = hashlib.sha256()
        waiting = bytearray()
        starts = 0
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(self._store.drop, new.id)
            async for chunk in body:
                digest.update(chunk)
                waiting += chunk
                while len(waiting) >= PART_BYTES:
                    part, waiting = bytes(waiting[:PART_BYTES]), waiting[PART_BYTES:]
                    await self._store.put(new.id, starts, zlib.crc32(part), part)
                    starts += len(part)
            if waiting:
                await self._store.put(new.id, starts, zlib.crc32(waiting), bytes(waiting))
                starts += len(waiting)
            if starts != new.total:
                raise Invalid(f"{starts} bytes came of {new.total}.", reason="wrong_length")
            undo.pop_all()
        return digest.digest()

    async def _shown(self, file: str) -> Import:
        row = await self._store.found(file)
        if row is None:
            raise NotFound(f"import {file}")
        return _as_shown(row)

    def _format_of(self, brought: Brought, device: SeenDevice) -> str:
        if device.is_retired:
            raise Conflict("The device is retired.")
        model = self._models.get(device.model)
        form = brought.format or self._formats.guess(brought.name, model)
        if form is None:
            raise Invalid("The name does not tell the format; name it.", reason="no_such_format")
        if not self._formats.takes(form, model):
            raise Invalid(
                f"A {device.model} has no files of format {form[:40]}.", reason="no_such_format"
            )
        return form


def _name_of(brought: Brought) -> str:
    if not brought.name.isprintable():
        raise Invalid("The name has characters that nobody can read.", reason="bad_name")
    return brought.name


def _length_of(brought: Brought) -> int:
    if brought.n_bytes is None:
        raise Invalid("The request must tell its Content-Length.", reason="length_required")
    if not 0 < brought.n_bytes <= LARGEST_FILE_BYTES:
        raise Invalid(f"A file has 1 to {LARGEST_FILE_BYTES} bytes.", reason="too_large")
    return brought.n_bytes


def _options_of(written: Sequence[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    if len(written) > OPTIONS_MOST:
        raise Invalid(f"More than {OPTIONS_MOST} options.", reason="bad_option")
    for text in written:
        match = _OPTION.fullmatch(text)
        if match is None or match[1] in found:
            raise Invalid("An option is name=value, each name once.", reason="bad_option")
        found[match[1]] = match[2]
    return found


def _import_id(request: Request, device: str, key: str | None) -> str:
    """Id of an import: the same for the same request sent again with its Idempotency-Key."""
    if key is None:
        return str(uuid.uuid4())
    text = "\x1f".join(("import", str(request.principal.user_id), device, key))
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))


def _as_shown(row: Row) -> Import:
    return Import(
        id=row["id"],
        device=row["device"],
        name=row["name"],
        format=row["format"],
        bytes=row["total"],
        state=FileState(row["state"]),
        reason=row["reason"],
        detail=row["detail"] or None,
        line=row["line"],
        offset=row["byte_offset"],
        frames=row["n_frames"],
        pieces=row["n_pieces"],
        stored_pieces=row["n_stored"],
        recorded_from=None if row["starts_us"] is None else to_text(row["starts_us"]),
        recorded_to=None if row["ends_us"] is None else to_text(row["ends_us"]),
        sent_by=row["sent_by"] or None,
        at=to_text(_to_us(row["made_at"])),
        finished_at=None if row["finished_at"] is None else to_text(_to_us(row["finished_at"])),
    )


def _after(cursor: str | None) -> tuple[int, str] | None:
    if not cursor:
        return None
    at, file = decode_list_cursor(cursor, 2)
    try:
        uuid.UUID(file)
    except ValueError as error:
        raise BadCursorError("the cursor belongs to another list") from error
    if not at.isdigit() or len(at) > 16:
        raise BadCursorError("the cursor belongs to another list")
    return int(at), file


def _to_us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
