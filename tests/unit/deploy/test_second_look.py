"""What stays failed without a second look."""

import json
from pathlib import Path

import pytest

from deploy.local import test as make_test

PARTS = "parts on real servers"


def remembered(folder: Path, *tests: str) -> Path:
    (folder / "v/cache").mkdir(parents=True)
    (folder / "v/cache/lastfailed").write_text(json.dumps(dict.fromkeys(tests, True)))
    return folder


@pytest.mark.parametrize(
    "tests",
    [
        [],
        ["tests/chaos/test_controls.py::test_one"],
        ["tests/integration/a.py::test_one", "tests/chaos/test_controls.py::test_one"],
        [f"tests/integration/a.py::test_{n}" for n in range(make_test.MOST_AGAIN + 1)],
    ],
)
def test_a_broken_promise_or_many_failures_or_none_that_is_known_are_final(
    tests: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make_test, "_run", lambda _: pytest.fail("it ran again"))
    memory = remembered(tmp_path / "parts", *tests)
    assert make_test._again([PARTS], {PARTS: (memory, ["tests/integration"])}) == []


@pytest.mark.parametrize("failed", [["pure"], ["kills"], ["pure", PARTS]])
def test_what_waits_for_nothing_is_final(
    failed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make_test, "_run", lambda _: pytest.fail("it ran again"))
    memory = remembered(tmp_path / "parts", "tests/integration/a.py::test_one")
    assert make_test._again(failed, {PARTS: (memory, ["tests/integration"])}) == []
