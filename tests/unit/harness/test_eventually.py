"""Waiting ends with the state, or says what it saw last."""

import pytest

from tests.harness.eventually import eventually


async def test_gives_the_first_true_value() -> None:
    values = iter([0, None, "", 7])
    assert await eventually(lambda: next(values), every_s=0) == 7


async def test_an_assertion_inside_means_not_yet() -> None:
    seen = 0

    async def condition() -> bool:
        nonlocal seen
        seen += 1
        assert seen > 2, f"only {seen}"
        return True

    assert await eventually(condition, every_s=0)
    assert seen == 3


async def test_says_what_it_saw_last() -> None:
    def never() -> bool:
        raise AssertionError("nothing there")

    with pytest.raises(AssertionError, match="nothing there"):
        await eventually(never, within_s=0.01, every_s=0.001)


async def test_other_errors_pass_through() -> None:
    def broken() -> bool:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await eventually(broken)
