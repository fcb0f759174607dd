"""One answer for all who ask the same at the same time.

A crowd that comes at once asks the database one question, not one each. Nobody gets an answer that
was looked up before it asked.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from shared.errors import VitalwireError

Key = TypeVar("Key")
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Question(Generic[Answer]):
    n_asked: int = 0
    n_answered: int = 0
    n_waiting: int = 0
    answer: Answer | VitalwireError | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Together(Generic[Key, Answer]):
    """Looks up what is asked for.

    Parameters
    ----------
    look_up : gives the answer to a question
    """

    def __init__(self, look_up: Callable[[Key], Awaitable[Answer]]) -> None:
        self._look_up = look_up
        self._questions: dict[Key, _Question[Answer]] = {}

    async def __call__(self, key: Key) -> Answer:
        """Give an answer that was looked up after this call, perhaps for others too.

        Cancel-safe: whoever looks up and is cancelled leaves it to the next.

        Raises
        ------
        VitalwireError : as the looking up raises it, to all for whom it was done
        """
        question = self._questions.get(key)
        if question is None:
            question = self._questions[key] = _Question()
        question.n_asked += 1
        mine = question.n_asked
        question.n_waiting += 1
        try:
            async with question.turn:
                if question.n_answered < mine:
                    up_to = question.n_asked
                    try:
                        question.answer = await self._look_up(key)
                    except VitalwireError as error:
                        question.answer = error
                    question.n_answered = up_to
                answer = question.answer
        finally:
            question.n_waiting -= 1
            if not question.n_waiting:
                self._questions.pop(key, None)
        if isinstance(answer, VitalwireError):
            raise answer
        assert answer is not None
        return answer
