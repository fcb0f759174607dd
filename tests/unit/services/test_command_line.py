"""The console finds what is there by its name, and says so when it is not."""

import sys

import pytest

from services.command_line import COMMANDS, Command, main


@pytest.fixture(autouse=True)
def own_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["vitalwire"])


def test_lists_what_is_there_and_only_that(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(COMMANDS, "dream", Command("services.dreams.of", "what is not there yet"))
    assert main([]) == 0
    told = capsys.readouterr().out
    assert "doctor" in told
    assert "dream" not in told


@pytest.mark.parametrize("word", ["dream", "nonsense"])
def test_a_word_it_does_not_know_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    monkeypatch.setitem(COMMANDS, "dream", Command("services.dreams.of", "what is not there yet"))
    assert main([word]) == 2
    assert word in capsys.readouterr().err


def test_starts_what_it_names_with_the_rest_of_the_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "--help"])
    assert ended.value.code == 0
    assert "--patients" in capsys.readouterr().out
    assert sys.argv == ["vitalwire run", "--help"]
