import pytest

from shared.errors import Dependency, Unavailable
from shared.runtime.quarantine import Choked, attempt_twice, attempt_twice_async


class Work:
    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def __call__(self) -> int:
        if self.errors:
            raise self.errors.pop(0)
        return 42

    async def later(self) -> int:
        return self()


async def test_good_work_passes_and_one_failure_is_forgiven() -> None:
    assert attempt_twice(Work(), loop="test", identity="1/2/3") == 42
    assert attempt_twice(Work(KeyError("x")), loop="test", identity="1/2/3") == 42
    assert await attempt_twice_async(Work(KeyError("x")).later, loop="t", identity="1") == 42


async def test_what_chokes_twice_is_told_without_its_values() -> None:
    secret = ValueError("sample values of a patient")
    for choked in (
        attempt_twice(Work(secret, secret), loop="test", identity="1/2/3"),
        await attempt_twice_async(Work(secret, secret).later, loop="test", identity="1/2/3"),
    ):
        assert isinstance(choked, Choked)
        assert choked.error == "ValueError"
        assert "sample values" not in choked.traceback
        assert "raise self.errors.pop(0)" in choked.traceback


async def test_a_dependency_that_is_away_says_nothing_against_the_message() -> None:
    away = Unavailable(Dependency.RABBITMQ, "in a test")
    with pytest.raises(Unavailable):
        attempt_twice(Work(away), loop="test", identity="1/2/3")
    with pytest.raises(Unavailable):
        await attempt_twice_async(Work(away).later, loop="test", identity="1/2/3")
