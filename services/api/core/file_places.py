"""How many files may be written at once: by all, and by one user. Pure."""

from collections import Counter


class FilePlaces:
    """Counts files that are being written.

    Parameters
    ----------
    most : of all users
    a_user : of one
    """

    def __init__(self, *, most: int, a_user: int) -> None:
        self._most = most
        self._a_user = a_user
        self._taken: Counter[int] = Counter()

    def is_free(self, user: int) -> bool:
        """Whether this user may begin another file."""
        return self._taken.total() < self._most and self._taken[user] < self._a_user

    def take(self, user: int) -> None:
        """A file begins."""
        self._taken[user] += 1

    def give_back(self, user: int) -> None:
        """A file has ended."""
        self._taken[user] -= 1
        if self._taken[user] <= 0:
            del self._taken[user]
