"""What failed in `make test` beside others runs once more, alone."""

from pathlib import Path

import pytest

from deploy.local import test as make_test
from deploy.local.jobs import python

ACCIDENT = """
from pathlib import Path

SEEN = Path(__file__).with_name("seen")

def test_an_accident():
    first = not SEEN.exists()
    SEEN.touch()
    assert not first

def test_another():
    assert {another}
"""


@pytest.mark.parametrize(("another", "unsteady"), [("True", 1), ("False", 0)])
def test_what_passes_alone_is_named_and_what_fails_twice_stands(
    another: str, unsteady: int, tmp_path: Path
) -> None:
    tests, memory = tmp_path / "tests", tmp_path / "memory"
    tests.mkdir()
    (tests / "test_it.py").write_text(ACCIDENT.format(another=another))
    arguments = (*make_test.PYTEST, *make_test._remembering(memory), str(tests))
    status, said = make_test._run(python(*arguments))
    assert (status, said["failed"]) == (1, 2 - unsteady)
    assert len(make_test._again(["it"], {"it": (memory, [str(tests)])})) == unsteady
