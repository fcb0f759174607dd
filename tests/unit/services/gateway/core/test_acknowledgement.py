"""PUBACKs leave in the order of the messages, each once, none before it is settled."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from services.gateway.core.acknowledgement import AcknowledgementOrder


def test_a_later_message_waits_for_an_earlier_one() -> None:
    order = AcknowledgementOrder()
    first, second, third = (order.receive(packet_id) for packet_id in (7, 3, 9))
    assert order.settle([third]) == []
    assert order.settle([second]) == []
    assert order.settle([first]) == [7, 3, 9]
    assert len(order) == 0


def test_settling_twice_acknowledges_once() -> None:
    order = AcknowledgementOrder()
    first = order.receive(1)
    assert order.settle([first]) == [1]
    assert order.settle([first]) == []
    second = order.receive(2)
    assert order.settle([first]) == []
    assert order.settle([second, second]) == [2]


class Acknowledgements(RuleBasedStateMachine):
    """Messages come and are settled in any order, some twice."""

    waiting = Bundle("waiting")
    done = Bundle("done")

    def __init__(self) -> None:
        super().__init__()
        self.order = AcknowledgementOrder()
        self.received: list[int] = []
        self.settled: set[int] = set()
        self.released: list[int] = []

    @rule(target=waiting, count=st.integers(1, 5), together=st.booleans())
    def receive(self, count: int, together: bool) -> object:
        begin = len(self.received)
        packet_ids = [(begin + i) % 65_535 + 1 for i in range(count)]
        self.received += packet_ids
        if together:
            return multiple(*self.order.receive_all(packet_ids))
        return multiple(*map(self.order.receive, packet_ids))

    @rule(target=done, data=st.data(), until=st.integers(1, 12))
    def settle_a_run(self, data: st.DataObject, until: int) -> object:
        numbers = list(
            range(len(self.released), min(len(self.received), len(self.released) + until))
        )
        if data.draw(st.booleans()):
            numbers = data.draw(st.permutations([*numbers, *numbers[:1]]))
        self.settled.update(numbers)
        self.released += self.order.settle(numbers)
        return multiple(*numbers)

    @rule(target=done, number=consumes(waiting))
    def settle(self, number: int) -> int:
        self.settled.add(number)
        self.released += self.order.settle([number])
        return number

    @rule(number=done)
    def settle_again(self, number: int) -> None:
        self.released += self.order.settle([number])

    @invariant()
    def released_are_the_settled_from_the_front(self) -> None:
        front = 0
        while front in self.settled:
            front += 1
        assert self.released == self.received[:front]
        assert len(self.order) == len(self.received) - front


Acknowledgements.TestCase.settings = settings(max_examples=40, stateful_step_count=30)
TestAcknowledgements = Acknowledgements.TestCase
