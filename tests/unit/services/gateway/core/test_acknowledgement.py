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

    @rule(target=waiting, count=st.integers(1, 5))
    def receive(self, count: int) -> object:
        numbers = []
        for _ in range(count):
            packet_id = len(self.received) % 65_535 + 1
            numbers.append(self.order.receive(packet_id))
            self.received.append(packet_id)
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
