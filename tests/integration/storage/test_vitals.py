"""Vital signs and beats: thinned, revised, the same after any restart."""

import numpy as np

from shared.contracts.beats import BEAT, encode_beats
from shared.contracts.formats import BEATS_V1, VITALS_V1
from shared.contracts.names import Exchange
from shared.contracts.records import Table
from shared.contracts.vitals import encode_vitals, vital_table
from tests.harness.eventually import eventually
from tests.integration.storage.frames import NOW_US
from tests.integration.storage.system import System

T = NOW_US // 5_000_000 * 5_000_000
S = 1_000_000


def vitals(*rows: tuple[int, int, float, int, int]) -> Table:
    """Rows of (second, measure, value, validity, revision), of patient 41 by device 1."""
    return vital_table(
        (T + s * S, NOW_US, 1, 41, value, 0.5, measure, revision, validity, 1, 0)
        for s, measure, value, validity, revision in rows
    )


async def send(system: System, table: Table) -> None:
    await system.publish(Exchange.VITALS, "0", encode_vitals(table), VITALS_V1)


async def stored(system: System) -> list[tuple[int, int, float, int, int]]:
    rows = await system.rows(
        "select (t - $1) / 1000000, measure, value, validity, revision from signal.vital_value"
        " where patient_id = 41 and device_id = 1 order by t, measure",
        T,
    )
    return [tuple(row.values()) for row in rows]


async def test_values_are_thinned_and_the_highest_revision_wins(system: System) -> None:
    system.start()
    await send(system, vitals(*((s, 1, 60.0 + s, int(s == 3), 0) for s in range(8))))
    await send(system, vitals((0, 3, 97.0, 0, 0)))  # another measure of a row that is there
    live = [(0, 1, 60.0, 0, 0), (0, 3, 97.0, 0, 0), (3, 1, 63.0, 1, 0), (4, 1, 64.0, 0, 0),
            (5, 1, 65.0, 0, 0)]  # fmt: skip

    async def is_live() -> bool:
        return await stored(system) == live

    await eventually(is_live, within_s=20)
    await send(system, vitals((3, 1, 70.0, 0, 2), (4, 1, 71.0, 0, 1), (6, 1, 72.0, 0, 1)))
    await send(system, vitals((3, 1, 99.0, 0, 1)))  # lower: too late
    await send(system, vitals((4, 1, 98.0, 0, 1)))  # the same revision: told again
    revised = [(0, 1, 60.0, 0, 0), (0, 3, 97.0, 0, 0), (3, 1, 70.0, 0, 2), (4, 1, 71.0, 0, 1),
               (5, 1, 65.0, 0, 0), (6, 1, 72.0, 0, 1), (9, 1, 1.0, 0, 1)]  # fmt: skip
    await send(system, vitals((9, 1, 1.0, 0, 1)))

    async def is_revised() -> bool:
        return await stored(system) == revised

    await eventually(is_revised, within_s=20)


async def test_kills_do_not_change_what_is_kept(system: System) -> None:
    replica = system.start()
    rows = [(s, measure, float(s), int(s % 7 == 0), 0) for s in range(60) for measure in (1, 3)]
    for start in range(0, len(rows), 6):
        await send(system, vitals(*rows[start : start + 6]))
        await send(system, vitals(*rows[start : start + 2]))  # dsp tells it again after a kill
        if start % 24 == 0:
            replica.kill()
            replica = system.start()
    kept = {s for s in range(60) if s % 5 == 0 or s % 7 in (0, 1)}
    expected = [(s, m, v, validity, r) for s, m, v, validity, r in rows if s in kept]

    async def all_kept() -> bool:
        found = await stored(system)
        assert found == expected, (found, expected)
        return True

    await eventually(all_kept, within_s=30)


async def test_beats_are_stored_once_in_their_highest_revision(system: System) -> None:
    system.start()

    async def send_beats(*rows: tuple[int, int, float, int]) -> None:
        table = np.array(
            [
                (T + ms * 1_000, device, rr, 0.9, revision, 1, 1)
                for ms, device, rr, revision in rows
            ],
            dtype=BEAT,
        )
        await system.publish(Exchange.VITALS, "0", encode_beats(table), BEATS_V1)

    await send_beats((0, 1, np.nan, 0), (800, 1, 800.0, 0), (1_600, 1, 800.0, 0))
    await send_beats((1_600, 1, 790.0, 1), (2_400, 1, 800.0, 0), (0, 1, 5.0, 0))
    await send_beats((1_600, 1, 1.0, 0), (3_200, 2, 800.0, 0))

    async def all_there() -> bool:
        rows = await system.rows(
            "select device_id, (t - $1) / 1000, nullif(rr_ms, 'nan'), revision from signal.beat"
            " order by 1, 2",
            T,
        )
        return [tuple(row.values()) for row in rows] == [
            (1, 0, None, 0), (1, 800, 800.0, 0), (1, 1_600, 790.0, 1), (1, 2_400, 800.0, 0),
            (2, 3_200, 800.0, 0),
        ]  # fmt: skip

    await eventually(all_there, within_s=20)
    await system.publish(Exchange.VITALS, "0", b"VWB1", BEATS_V1)
    await send_beats((4_000, 2, 800.0, 0))
    assert (await system.parked(1))[0]["reason"] == "bad_batch"
