"""Who should hold which lane: pure arithmetic over what everybody can see.

All members see the same locks, each decides for itself, and nobody gives orders. Shares differ
by at most one; a lane moves only when somebody holds more than a share.
"""

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one member should do next.

    Parameters
    ----------
    release : lanes to give up after their work has ended, for members that have too few
    acquire : lanes that nobody holds, to try in this order
    """

    release: tuple[int, ...] = ()
    acquire: tuple[int, ...] = ()


def shares(members: AbstractSet[int], held: Mapping[int, int], lanes: int) -> dict[int, int]:
    """How many lanes each member should hold; they sum up to all lanes.

    Who holds more already gets the one lane more, so that as little as possible moves.

    Parameters
    ----------
    members : all that are alive
    held : holder by lane, for the lanes that are held
    """
    if not members:
        return {}
    counts = Counter(held.values())
    ranked = sorted(members, key=lambda member: (-counts[member], member))
    least, n_more = divmod(lanes, len(members))
    return {member: least + (rank < n_more) for rank, member in enumerate(ranked)}


def next_step(me: int, members: AbstractSet[int], held: Mapping[int, int], lanes: int) -> Step:
    """What this member should do, seeing those members and holders.

    Parameters
    ----------
    me : one of `members`
    held : holder by lane; a holder that is no member (it is just ending) keeps its lane
    """
    share = shares(members, held, lanes)[me]
    mine = sorted(lane for lane, holder in held.items() if holder == me)
    if len(mine) > share:
        return Step(release=tuple(mine[share:]))
    free = [lane for lane in range(lanes) if lane not in held]
    # Members begin at different places, so that they do not all try the same lane first.
    turn = me % len(free) if free else 0
    return Step(acquire=tuple(free[turn:] + free[:turn])[: share - len(mine)])
