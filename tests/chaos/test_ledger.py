"""The comparison itself: it finds each kind of harm, and nothing where there is none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.ledger import (
    Content,
    Findings,
    Identity,
    Ledger,
    LedgerFile,
    StoredFrame,
    compare,
    digest_of,
    told_and_lost,
)

MESSAGES = st.dictionaries(
    st.builds(Identity, st.sampled_from(["a-1", "b-2"]), st.integers(0, 3), st.integers(0, 9)),
    st.lists(st.binary(max_size=8), min_size=1, max_size=3),
    min_size=1,
    max_size=20,
)


def content(samples: bytes) -> Content:
    return Content(1, 1_700_000_000_000_000, 4_000_000, 1, 1, 1, 0.0025, 0.0, samples)


def as_sent(messages: dict[Identity, list[bytes]]) -> tuple[Ledger, list[StoredFrame]]:
    ledger = Ledger(
        sent={i: digest_of(map(content, parts)) for i, parts in messages.items()},
        told=set(messages),
    )
    rows = [
        StoredFrame(identity, part, content(samples))
        for identity, parts in messages.items()
        for part, samples in enumerate(parts)
    ]
    return ledger, rows


@given(MESSAGES, st.randoms(use_true_random=False))
def test_what_is_stored_once_is_clean_in_any_order(
    messages: dict[Identity, list[bytes]], chance: object
) -> None:
    ledger, rows = as_sent(messages)
    chance.shuffle(rows)  # type: ignore[attr-defined] # hypothesis types it as object
    assert compare(ledger, rows).is_clean
    assert told_and_lost(ledger, [row.identity for row in rows]) == set()


def harmed(messages: dict[Identity, list[bytes]], harm: str) -> tuple[Findings, Identity]:
    ledger, rows = as_sent(messages)
    victim = min(messages)
    index = next(k for k, row in enumerate(rows) if row.identity == victim)
    if harm == "lost":
        rows = [row for row in rows if row.identity != victim]
    elif harm == "twice":
        rows.append(rows[index])
    elif harm == "changed":
        row = rows[index]
        rows[index] = row._replace(content=content(row.content.samples + b"!"))
    elif harm == "moved":
        row = rows[index]
        rows[index] = row._replace(content=row.content._replace(t0=row.content.t0 + 1))
    elif harm == "part lost":
        del rows[index]
    elif harm == "invented":
        del ledger.sent[victim]
        ledger.told.discard(victim)
    elif harm == "refused":
        ledger.refused[victim] = "bad_time"
    return compare(ledger, rows), victim


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        ("lost", {"told_and_lost", "missing"}),
        ("twice", {"twice"}),
        ("changed", {"told_and_different", "different"}),
        ("moved", {"told_and_different", "different"}),
        ("invented", {"never_sent"}),
        ("refused", {"refused"}),
    ],
)
@given(MESSAGES)
def test_each_harm_is_found_and_named(
    harm: str, found: set[str], messages: dict[Identity, list[bytes]]
) -> None:
    findings, victim = harmed(messages, harm)
    assert {name for name, value in vars(findings).items() if value} == found
    assert victim.device in str(findings)


def test_a_lost_part_is_found() -> None:
    findings, victim = harmed({Identity("a-1", 1, 1): [b"x", b"y"]}, "part lost")
    assert findings.told_and_different == {victim}


def test_a_growing_ledger_is_followed_by_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_text("S a-1 7 0 ff\nT a-1 7 0\nS a-1 7 1")
    following = LedgerFile(path)
    assert following.read_on().sent == {Identity("a-1", 7, 0): "ff"}
    with path.open("a") as file:
        file.write(" ee\nR a-1 7 1 bad_time\n")
    ledger = following.read_on()
    assert ledger.sent[Identity("a-1", 7, 1)] == "ee"
    assert ledger.told == {Identity("a-1", 7, 0)}
    assert ledger.refused == {Identity("a-1", 7, 1): "bad_time"}
