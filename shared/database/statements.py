"""Named statements from `queries.sql` beside an adapter.

Each begins with its name and a sentence::

    -- name: save_position
    -- Remembers up to where the stream of a lane is stored.
    insert into ...;

Parameters are $1, $2 and so on; a statement ends where the next name begins.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources

from typing_extensions import override

from shared.errors import Misconfigured

_NAME = re.compile(r"^-- name: ([a-z][a-z0-9_]*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One SQL statement; `says` is its sentence."""

    name: str
    says: str
    sql: str


class Statements(Mapping[str, Statement]):
    """The statements of one file by name."""

    def __init__(self, statements: Mapping[str, Statement]) -> None:
        self._statements = dict(statements)

    @override
    def __getitem__(self, name: str) -> Statement:
        return self._statements[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    @override
    def __len__(self) -> int:
        return len(self._statements)


def load_statements(package: str, file: str = "queries.sql") -> Statements:
    """The statements of a file in a package; call it in bootstrap with `__package__` of an adapter.

    Raises
    ------
    Misconfigured : the file is missing, a name comes twice or has no sentence or no SQL
    """
    try:
        text = resources.files(package).joinpath(file).read_text("utf-8")
    except (OSError, ModuleNotFoundError) as error:
        raise Misconfigured(f"{package}/{file} cannot be read") from error
    return parse_statements(text, where=f"{package}/{file}")


def parse_statements(text: str, *, where: str) -> Statements:
    """The statements of a text; `where` it comes from is told with an error.

    Raises
    ------
    Misconfigured : a name comes twice or has no sentence or no SQL
    """
    parts = _NAME.split(text)[1:]
    found: dict[str, Statement] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        lines = body.strip().splitlines()
        n_said = next((i for i, line in enumerate(lines) if not line.startswith("--")), len(lines))
        says = " ".join(line.removeprefix("--").strip() for line in lines[:n_said])
        sql = "\n".join(lines[n_said:]).strip().removesuffix(";")
        if name in found:
            raise Misconfigured(f"{where}: there are two statements {name}")
        if not says or not sql:
            raise Misconfigured(f"{where}: statement {name} needs a sentence and SQL")
        found[name] = Statement(name=name, says=says, sql=sql)
    return Statements(found)
