import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from typing_extensions import override

from devices.sdk.journal import Entry, Journal, JournalFullError, JournalLockedError
from devices.sdk.unsent import Key

SMALL = 1 << 18


def entry(n: int, size: int = 100, boot: int = 7) -> Entry:
    return Entry(Key(boot, n), 1_700_000_000_000_000 + n, "packed", bytes([n % 251]) * size)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "j", max_bytes=SMALL) as opened:
        yield opened


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.segment"))


def test_what_was_appended_is_there_after_opening_again(tmp_path: Path) -> None:
    with Journal(tmp_path, max_bytes=SMALL) as first:
        for n in range(100):
            first.append(entry(n))
        first.settle([Key(7, n) for n in range(0, 100, 3)])
    with Journal(tmp_path, max_bytes=SMALL) as again:
        expected = [n for n in range(100) if n % 3]
        assert list(again) == [Key(7, n) for n in expected]
        assert [again.read(Key(7, n)) for n in expected] == [entry(n) for n in expected]


def test_the_bound_holds_and_settling_makes_room(journal: Journal) -> None:
    n = (SMALL - 16 * 4) // 1033  # a record of 33 bytes and the body; 16 heads of segments
    for k in range(n):
        journal.append(entry(k, 1000))
    assert SMALL - 1100 < journal.size_bytes <= SMALL
    before = len(journal)
    with pytest.raises(JournalFullError):
        journal.append(entry(n, 1000))
    assert len(journal) == before
    journal.settle([Key(7, k) for k in range(50)])
    journal.append(entry(n, 1000))
    assert journal.read(Key(7, n)) == entry(n, 1000)


def test_an_empty_journal_uses_no_disk(journal: Journal, tmp_path: Path) -> None:
    for n in range(500):
        journal.append(entry(n))
        journal.settle([Key(7, n)])
    assert segments(tmp_path / "j") == []
    assert journal.size_bytes == 0


def test_one_process_at_a_time(journal: Journal, tmp_path: Path) -> None:
    with pytest.raises(JournalLockedError):
        Journal(tmp_path / "j")
    assert len(journal) == 0


def test_a_message_is_appended_once(journal: Journal) -> None:
    journal.append(entry(0))
    with pytest.raises(ValueError, match="already"):
        journal.append(entry(0))


def test_settling_what_is_not_there_does_nothing(journal: Journal) -> None:
    journal.settle([Key(1, 2)])
    with pytest.raises(KeyError):
        journal.read(Key(1, 2))


def test_a_journal_is_not_tiny(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too small"):
        Journal(tmp_path, max_bytes=1000)


def test_a_message_longer_than_a_segment_fits(journal: Journal) -> None:
    journal.append(entry(1, 60_000))
    journal.append(entry(2, 60_000))
    assert journal.read(Key(7, 1)) == entry(1, 60_000)


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 5000))
def test_a_torn_end_costs_only_what_is_torn(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    with Journal(folder, max_bytes=SMALL) as first:
        for n in range(30):
            first.append(entry(n))
    (path,) = segments(folder)
    size = path.stat().st_size
    os.truncate(path, max(0, size - cut))
    with Journal(folder, max_bytes=SMALL) as again:
        kept = list(again)
        record = (size - 4) // 30
        assert kept == [Key(7, n) for n in range(max(0, (size - 4 - cut) // record))]
        assert all(again.read(key) == entry(key.n) for key in kept)
        again.append(entry(999))  # and it goes on
    with Journal(folder, max_bytes=SMALL) as third:
        assert list(third) == [*kept, Key(7, 999)]


@settings(max_examples=40, deadline=None)
@given(at=st.integers(0, 4000), bit=st.integers(0, 7))
def test_a_flipped_bit_never_gives_a_wrong_message(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    with Journal(folder, max_bytes=SMALL) as first:
        for n in range(30):
            first.append(entry(n))
    (path,) = segments(folder)
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 1 << bit
    path.write_bytes(content)
    with Journal(folder, max_bytes=SMALL) as again:
        assert again.damaged_bytes > 0
        assert all(again.read(key) == entry(key.n) for key in again)


def test_a_bit_that_flips_while_open_is_an_error_and_no_message(tmp_path: Path) -> None:
    with Journal(tmp_path, max_bytes=SMALL) as journal:
        journal.append(entry(0))
        (path,) = segments(tmp_path)
        with path.open("r+b") as file:
            file.seek(60)
            file.write(b"\xff")
        with pytest.raises(OSError, match="damaged"):
            journal.read(Key(7, 0))


class JournalMachine(RuleBasedStateMachine):
    """Against a dictionary: whatever is appended and not settled is there, also after opening."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.temporary = tempfile.TemporaryDirectory()
        self.journal = Journal(Path(self.temporary.name), max_bytes=SMALL)
        self.model: dict[Key, Entry] = {}
        self.n = 0

    @rule(size=st.sampled_from([0, 10, 5_000, 30_000]))
    def append(self, size: int) -> None:
        new = entry(self.n, size)
        self.n += 1
        try:
            self.journal.append(new)
        except JournalFullError:
            assert self.journal.size_bytes + size + 100 > SMALL
        else:
            self.model[new.key] = new

    @precondition(lambda self: self.model)
    @rule(share=st.floats(0.05, 1), newest=st.booleans())
    def settle(self, share: float, newest: bool) -> None:
        chosen = sorted(self.model, reverse=newest)[: max(1, int(share * len(self.model)))]
        self.journal.settle(chosen)
        for key in chosen:
            del self.model[key]

    @rule()
    def open_again(self) -> None:
        self.journal.close()
        self.journal = Journal(Path(self.temporary.name), max_bytes=SMALL)
        # A note of what is settled may go with its segment; such messages come again.
        extra = [key for key in self.journal if key not in self.model]
        self.journal.settle(extra)

    @invariant()
    def all_is_there(self) -> None:
        assert list(self.journal) == list(self.model)
        assert all(self.journal.read(key) == kept for key, kept in self.model.items())

    @invariant()
    def the_books_agree_with_the_disk(self) -> None:
        on_disk = sum(path.stat().st_size for path in segments(Path(self.temporary.name)))
        assert self.journal.size_bytes == on_disk

    @override
    def teardown(self) -> None:
        self.journal.close()
        self.temporary.cleanup()


JournalMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestJournalMachine = JournalMachine.TestCase
