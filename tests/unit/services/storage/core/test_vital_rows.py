import math
import struct

from hypothesis import given
from hypothesis import strategies as st

from services.storage.core.vital_rows import (
    COLUMNS,
    EmissionKey,
    Thinning,
    Value,
    copy_payload,
    emissions,
    merge,
    stored_emission,
)
from shared.contracts.records import Table
from shared.contracts.vitals import vital_table

SECOND = 1_000_000


def values(*rows: tuple[int, int, int, float, int, int]) -> Table:
    """Rows of (second, device, measure, value, validity, revision)."""
    return vital_table(
        (s * SECOND, s * SECOND - 5, device, 40 + device, value, 0.9, measure, rev, validity, 1, 0)
        for s, device, measure, value, validity, rev in rows
    )


def kept(thinning: Thinning, table: Table) -> list[int]:
    return (table["t"][thinning.keep(table)] // SECOND).tolist()  # type: ignore[no-any-return]


def test_the_first_of_five_seconds_and_each_change_of_state_are_kept() -> None:
    thinning = Thinning(bound=100)
    table = values(*((s, 1, 1, 70.0, int(s in (7, 8)), 0) for s in range(3, 16)))
    assert kept(thinning, table) == [3, 5, 7, 9, 10, 15]


def test_a_rare_value_is_always_kept() -> None:
    table = values(*((s, 1, 6, 36.6, 0, 0) for s in (4, 64, 127, 189)))
    assert kept(Thinning(bound=100), table) == [4, 64, 127, 189]


def test_what_is_told_again_is_decided_once() -> None:
    thinning = Thinning(bound=100)
    table = values(*((s, 1, 1, 70.0, 0, 0) for s in range(5, 9)))
    assert kept(thinning, table) == [5]
    assert kept(thinning, table) == []


def test_each_revised_value_is_kept() -> None:
    assert kept(Thinning(bound=100), values(*((s, 1, 1, 70.0, 0, 1) for s in range(5)))) == [
        0, 1, 2, 3, 4,
    ]  # fmt: skip


EMITTED = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from([1, 6]), st.integers(0, 1), st.integers(1, 4)),
    max_size=80,
)


@given(EMITTED, st.data())
def test_a_restart_that_reads_six_seconds_again_keeps_the_same(
    emitted: list[tuple[int, int, int, int]], data: st.DataObject
) -> None:
    second = 0
    rows = []
    for device, measure, validity, step in emitted:
        second += step % 3
        rows.append((second, device, measure, 70.0, validity, 0))
    table = values(*rows)
    whole = Thinning(bound=100).keep(table)
    cut = data.draw(st.integers(0, len(rows)))
    after = Thinning(bound=100)
    since = table["t"][cut] - 6 * SECOND if cut < len(rows) else 0
    after.warm(table[:cut][table["t"][:cut] >= since])
    assert after.keep(table[cut:]).tolist() == whole[cut:].tolist()


def test_values_of_one_emission_share_a_row() -> None:
    table = values(
        (6, 2, 3, 97.0, 0, 0), (5, 2, 1, 71.0, 0, 0), (5, 2, 1, 72.0, 0, 1), (5, 1, 1, 60.0, 0, 0)
    )
    rows = emissions(table)
    assert [row.key for row in rows] == [
        EmissionKey(41, 5 * SECOND, 1),
        EmissionKey(42, 5 * SECOND, 2),
        EmissionKey(42, 6 * SECOND, 2),
    ]
    assert [(value.value, value.revision) for value in rows[1].values] == [(72.0, 1)]


def value(measure: int, number: float, revision: int) -> Value:
    return Value(measure, 1, number, 1.0, 0, 0, revision)


def test_the_highest_revision_wins_whoever_comes_first() -> None:
    key = EmissionKey(1, 5, 1)
    old = stored_emission((1, 5, 1, 3, *zip(value(1, 70.0, 0), value(3, 97.0, 2), strict=True)))
    new = stored_emission((1, 5, 1, 4, *zip(value(1, 71.0, 1), value(3, 96.0, 1), strict=True)))
    merged = merge(old, new)
    assert merged is not None
    assert merged.key == key
    assert merged.received == 4
    assert [v.value for v in merged.values] == [71.0, 97.0]
    assert merge(merged, old) is None
    assert merge(merged, new) is None


def test_the_same_absent_value_again_changes_nothing() -> None:
    row = emissions(values((5, 1, 1, math.nan, 3, 0)))[0]
    again = emissions(values((5, 1, 1, math.nan, 3, 0)))[0]
    assert merge(row, again) is None


def test_the_payload_is_what_the_manual_of_postgresql_says() -> None:
    payload = copy_payload(emissions(values((5, 2, 3, 97.5, 0, 0), (5, 2, 1, 71.0, 1, 0))))
    position = 19
    fields = []
    assert struct.unpack_from(">h", payload, position)[0] == len(COLUMNS)
    position += 2
    for _ in COLUMNS:
        length = struct.unpack_from(">i", payload, position)[0]
        fields.append(payload[position + 4 : position + 4 + length])
        position += 4 + length
    assert payload[position:] == b"\xff\xff"
    row = dict(zip(COLUMNS, fields, strict=True))
    assert row["patient_id"] == struct.pack(">i", 42)
    assert row["t"] == struct.pack(">q", 5 * SECOND)
    # ndim, has null, type, dimension, lower bound; then length and item of each element
    assert row["measure"] == struct.pack(">iiiii ih ih", 1, 0, 21, 2, 1, 2, 1, 2, 3)
    assert row["value"] == struct.pack(">iiiii if if", 1, 0, 700, 2, 1, 4, 71.0, 4, 97.5)
    assert row["flags"] == struct.pack(">iiiii ii ii", 1, 0, 23, 2, 1, 4, 0, 4, 0)
