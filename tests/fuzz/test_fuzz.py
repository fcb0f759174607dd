"""A short fuzzing of every codec, and all that was ever found. The long one: ``make soak``."""

from pathlib import Path

import pytest

from tests.fuzz.fuzzing import FINDINGS, fuzz
from tests.fuzz.target import check
from tests.harness.codecs import load_samples

SECONDS = 2
"""For each codec; with ten of them 20 s of work, on all cores."""
LEAST_RUNS, MOST_TURNS = 100, 30  # the seconds are the wall's: a busy machine gives little of them


@pytest.mark.parametrize("codec", sorted(load_samples()))
def test_nothing_is_found_in_a_short_time(codec: str, tmp_path: Path) -> None:
    n_runs, edges = 0, 0
    for _ in range(MOST_TURNS):
        found = fuzz(codec, SECONDS, tmp_path / "corpus")
        assert not found.failure, found.failure
        n_runs, edges = n_runs + found.runs, max(edges, found.edges)
        if n_runs > LEAST_RUNS:
            break
    assert n_runs > LEAST_RUNS
    assert edges > 10


def test_findings_do_not_come_back() -> None:
    for path in sorted(FINDINGS.glob("*/*")):
        try:
            check(path.parent.name, path.read_bytes())
        except Exception as error:
            raise AssertionError(f"{path.parent.name}/{path.name}") from error
