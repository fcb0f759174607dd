"""A command runs once, whatever becomes of the process or of the file's last line."""

from pathlib import Path

import pytest

from devices.sdk.command_book import (
    INTERRUPTED,
    KEPT_AFTER_US,
    MOST_COMMANDS,
    NAME,
    BookFullError,
    CommandBook,
    Ended,
)
from shared.contracts.commands import Answer


def test_what_has_ended_is_known_after_a_restart(tmp_path: Path) -> None:
    book = CommandBook(tmp_path)
    book.begin("c-1", 50, 0)
    assert book.find("c-1") == Ended(Answer.RUNNING, "", 50)
    book.end("c-1", Answer.REFUSED, "not now", 50)
    again = CommandBook(tmp_path)
    assert again.find("c-1") == Ended(Answer.REFUSED, "not now", 50)
    assert again.find("c-2") is None


def test_what_ran_when_the_process_died_has_failed_and_never_runs_again(tmp_path: Path) -> None:
    CommandBook(tmp_path).begin("c-1", 50, 0)
    for _ in range(2):
        assert CommandBook(tmp_path).find("c-1") == Ended(Answer.FAILED, INTERRUPTED, 50)


def test_a_torn_line_at_any_place_harms_nothing_before_it(tmp_path: Path) -> None:
    book = CommandBook(tmp_path)
    book.begin("c-1", 50, 0)
    book.end("c-1", Answer.DONE, "", 50)
    whole = (tmp_path / NAME).read_bytes()
    book.begin("c-2", 50, 0)
    longer = (tmp_path / NAME).read_bytes()
    for cut in range(len(whole), len(longer)):
        (tmp_path / NAME).write_bytes(longer[:cut])
        found = CommandBook(tmp_path)
        assert found.find("c-1") == Ended(Answer.DONE, "", 50)
        assert found.find("c-2") is None
        found.begin("c-3", 50, 0)  # what comes after a torn line is read again
        assert CommandBook(tmp_path).find("c-3") is not None


def test_the_book_is_bounded_and_forgets_only_what_cannot_come_again(tmp_path: Path) -> None:
    book = CommandBook(tmp_path)
    for number in range(MOST_COMMANDS):
        book._known[f"c-{number}"] = Ended(Answer.DONE, "", 1_000)
    with pytest.raises(BookFullError):
        book.begin("more", 2_000, 1_000 + KEPT_AFTER_US)
    book.begin("more", 2_000, 1_001 + KEPT_AFTER_US)
    assert len(book) == 1
    assert len(CommandBook(tmp_path)) == 1


def test_the_file_stays_short_over_many_commands(tmp_path: Path) -> None:
    book = CommandBook(tmp_path)
    book._n_lines = 4 * MOST_COMMANDS
    book.begin("c-1", 50, 0)
    book.end("c-1", Answer.DONE, "", 50)
    assert (tmp_path / NAME).read_bytes().count(b"\n") == 1
