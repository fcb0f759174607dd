import struct

import numpy as np

from services.storage.core.beat_rows import beat_rows, copy_payload
from shared.contracts.beats import BEAT


def test_each_beat_stands_once_in_its_highest_revision_sorted_by_key() -> None:
    table = np.array(
        [(20, 1, 800, 1, 0, 1, 1), (10, 2, 810, 1, 0, 1, 1), (20, 1, 805, 1, 2, 1, 3),
         (20, 1, 799, 1, 1, 1, 1), (20, 1, 500, 1, 0, 2, 0)],
        dtype=BEAT,
    )  # fmt: skip
    rows = beat_rows(table)
    assert rows[["device", "t", "kind", "revision", "rr_ms"]].tolist() == [
        (1, 20, 1, 2, 805.0), (1, 20, 2, 0, 500.0), (2, 10, 1, 0, 810.0),
    ]  # fmt: skip


def test_the_payload_is_what_the_manual_of_postgresql_says() -> None:
    payload = copy_payload(np.array([(2**40, 7, 812.5, 0.5, 1, 2, 3)], dtype=BEAT))
    expected = struct.pack(
        ">h ii iq ih ih ih if if", 7, 4, 7, 8, 2**40, 2, 2, 2, 3, 2, 1, 4, 812.5, 4, 0.5
    )
    assert payload[19:] == expected + b"\xff\xff"


def test_a_beat_that_is_told_again_with_its_class_keeps_it() -> None:
    told = [
        (20, 1, 800, 1, 0, 1, 0), (20, 1, 800, 1, 0, 1, 3), (30, 1, 810, 1, 0, 1, 3),
        (30, 1, 790, 1, 1, 1, 0),
    ]  # fmt: skip
    for rows in (told, told[::-1]):
        kept = beat_rows(np.array(rows, dtype=BEAT))
        assert kept[["t", "revision", "class"]].tolist() == [(20, 0, 3), (30, 1, 0)]
