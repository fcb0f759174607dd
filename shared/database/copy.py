"""Many rows at once: COPY, and when a row is there already, the same rows again by a merge.

Direct COPY halves PostgreSQL's work, but one duplicate refuses the whole batch. So COPY is tried
inside a savepoint, and on a unique violation the merge statement (an `insert ... select from
unnest($1::..., ...) on conflict do nothing returning ...`) takes the same rows by columns.
Rows should be sorted by their key, so that two writers cannot wait for each other crosswise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.database.pool import Duplicate, Row, Session
from shared.database.statements import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """How the rows went in.

    Parameters
    ----------
    merged : None when COPY took all; else what the merge returned, the rows that were new
    """

    merged: list[Row] | None


async def copy_or_merge(
    session: Session,
    rows: Sequence[Sequence[Any]],
    *,
    schema: str,
    table: str,
    columns: Sequence[str],
    merge: Statement,
) -> Copied:
    """Write rows, each at most once. To be called inside a transaction.

    Parameters
    ----------
    rows : values in the order of `columns`
    merge : takes one array a column, in the same order, and returns the new rows

    Raises
    ------
    Conflict : another constraint than a unique one refuses a row
    Unavailable, Invalid : as `Session` tells
    """
    if not rows:
        return Copied(merged=None)
    try:
        async with session.savepoint():
            await session.copy(schema=schema, table=table, columns=columns, rows=rows)
    except Duplicate:
        by_column = [list(column) for column in zip(*rows, strict=True)]
        return Copied(merged=await session.fetch(merge, *by_column))
    return Copied(merged=None)
