"""The pages of figures: what is read off a scorer's rows, what is met, what may be kept."""

from pathlib import Path
from typing import Any

import pytest

from deploy.local.layout import PROJECT
from tests.accuracy import figures_page, kept, overview
from tests.accuracy.kept import Kept
from tests.accuracy.target_table import TARGETS, TASKS
from tests.accuracy.targets import Seen, Target, least, of, pooled, written

ROWS = [
    {"record": "setA/1", "rate_hz": 10.0, "falls": 3, "found_pct": 100.0, "F1%": 99.0},
    {"record": "setA/2", "rate_hz": 10.0, "falls": 1, "found_pct": 0.0, "F1%": 98.5},
    {"record": "setA/2", "rate_hz": 50.0, "falls": 1, "found_pct": 0.0, "F1%": None},
    {"record": "setB/1", "rate_hz": 10.0, "falls": 9, "found_pct": 0.0},
    {"record": "TOTAL", "rate_hz": "", "falls": 14, "F1%": 60.0},
]
ANSWERS = {"falls": ROWS}


def result(task: str, rows: list[dict[str, Any]], **changes: Any) -> Kept:
    values: dict[str, Any] = {
        "task": task, "day": "2026-01-02", "commit": "abc", "is_changed": False, "wall_s": 1,
        "data": "d", "scorer": "s", "sources": {}, "answer": {"rows": rows},
    }  # fmt: skip
    return Kept(**{**values, **changes})


def target(**changes: Any) -> Target:
    values: dict[str, Any] = {
        "task": "falls", "what": "found", "wanted": 75.0, "peer": "70", "page": "motion.md",
        "figure": of("falls", "TOTAL", "F1%"),
    }  # fmt: skip
    return Target(**{**values, **changes})


def test_figures_are_read_off_rows() -> None:
    assert of("falls", "TOTAL", "F1%")(ANSWERS) == 60.0
    assert of("falls", "TOTAL", "other")(ANSWERS) is None
    assert of("steps", "TOTAL", "F1%")(ANSWERS) is None
    assert least("falls", "F1%")(ANSWERS) == 98.5
    assert pooled("falls", "setA", "found_pct", "falls", rate_hz=10.0)(ANSWERS) == 75.0
    assert pooled("falls", "setC", "found_pct", "falls")(ANSWERS) is None


def test_a_number_is_read_off_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("| what | 1 | 256 |\n|---|---|---|\n| ecg | 4.7 | 1,000.5 |\n| none | | |\n")
    assert written(page, "ecg", 2)({}) == 1_000.5
    assert written(page, "none", 2)({}) is None
    assert written(tmp_path / "missing.md", "ecg", 2)({}) is None


def test_a_target_is_judged_by_unseen_people_where_there_are_some() -> None:
    assert target().is_met(ANSWERS) is False
    assert target(is_most=True).is_met(ANSWERS) is True
    assert target(unseen=75.0).is_met(ANSWERS) is True
    assert target(unseen=of("falls", "setA/1", "F1%")).is_met(ANSWERS) is True
    assert target().is_met({}) is None


def test_every_target_is_of_a_task_and_has_a_page() -> None:
    for each in TARGETS:
        assert each.task in {*TASKS, ""}, each.what
        assert (PROJECT / "docs/science" / each.page).is_file(), each.page
        assert each.unseen is None or each.seen is not Seen.NO, each.what
    assert {each.task for each in TARGETS} >= TASKS.keys() - {"ecg_classes_unseen"}


def test_a_result_is_kept_until_data_scorer_or_a_source_change(tmp_path: Path) -> None:
    source = tmp_path / "estimator.py"
    source.write_text("one")
    found = result("hr", ROWS, sources=kept.hashes(["estimator.py"], tmp_path))
    kept.write(tmp_path / "kept", found)
    again = kept.read(tmp_path / "kept", "hr")
    assert again == found
    assert again is not None
    assert kept.read(tmp_path / "kept", "steps") is None
    assert again.is_of(data="d", scorer="s", project=tmp_path)
    assert not again.is_of(data="other", scorer="s", project=tmp_path)
    assert not again.is_of(data="d", scorer="other", project=tmp_path)
    source.write_text("two")
    assert not again.is_of(data="d", scorer="s", project=tmp_path)
    source.unlink()
    assert not again.is_of(data="d", scorer="s", project=tmp_path)


def test_what_is_kept_in_another_form_is_scored_again(tmp_path: Path) -> None:
    (tmp_path / "hr.json").write_text('{"rows": []}')
    assert kept.read(tmp_path, "hr") is None


def test_a_folder_is_another_when_a_file_changes_its_name_or_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = kept.hash_of_folder(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = kept.hash_of_folder(tmp_path)
    (tmp_path / "b").write_text("2")
    assert len({before, renamed, kept.hash_of_folder(tmp_path)}) == 3


def test_the_overview_gets_one_row_a_target() -> None:
    table = figures_page.targets([result("falls", ROWS)])
    assert all(f"| {each.what} |" in table for each in TARGETS)
    assert "not scored" in table
    assert figures_page.targets([]).startswith("Nothing is scored.")


def test_a_part_of_the_overview_is_written_anew_and_all_else_stays() -> None:
    text = "before\n<!-- targets: by make accuracy -->\nold\n<!-- end of targets -->\nafter\n"
    made = overview.with_part(text, "targets", "new\n")
    assert made == text.replace("old", "new")
    assert overview.with_part(made, "targets", "new") == made
    with pytest.raises(ValueError, match="no place"):
        overview.with_part(text, "other", "new")


def test_the_page_says_what_is_old_and_what_was_changed_by_hand() -> None:
    page = figures_page.figures([result("hr", ROWS, is_changed=True)], set())
    assert "abc, with changes; changed since" in page
    assert "changed" not in figures_page.figures([result("hr", ROWS)], {"hr"}).split("## hr")[0]
    assert "| setA/1 | 10 |" in page
    assert "Not scored:" in page
