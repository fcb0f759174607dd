from hypothesis import given
from hypothesis import strategies as st

from services.api.core.token_bucket import Rate, RateLimitedError, TokenBuckets

RATE = Rate(burst=3, per_s=0.5)


def test_a_burst_passes_and_the_next_one_is_told_how_long_to_wait() -> None:
    buckets = TokenBuckets(RATE, capacity=10)
    assert [buckets.take("a", 100.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert buckets.take("a", 100.0) == 2.0
    assert buckets.wait_s("a", 101.0) == 1.0
    assert buckets.take("a", 102.0) == 0.0


def test_keys_do_not_share() -> None:
    buckets = TokenBuckets(Rate(burst=1, per_s=1), capacity=10)
    assert buckets.take("a", 0.0) == 0.0
    assert buckets.take("b", 0.0) == 0.0


def test_forgiving_fills_the_bucket() -> None:
    buckets = TokenBuckets(Rate(burst=1, per_s=0.1), capacity=10)
    buckets.take("a", 0.0)
    buckets.forgive("a")
    assert buckets.take("a", 0.0) == 0.0


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0, 10)), max_size=200))
def test_memory_is_bounded_and_no_key_gets_more_than_its_rate(
    steps: list[tuple[str, float]],
) -> None:
    buckets = TokenBuckets(RATE, capacity=20)
    now, taken = 0.0, dict.fromkeys("abcdefgh", 0)
    for key, wait in steps:
        now += wait
        if buckets.take(key, now) == 0.0:
            taken[key] += 1
    assert len(buckets) <= 20
    assert all(count <= RATE.burst + now * RATE.per_s + 1e-6 for count in taken.values())


def test_the_key_used_longest_ago_is_forgotten_first() -> None:
    buckets = TokenBuckets(Rate(burst=1, per_s=0.001), capacity=2)
    for key in "abc":
        buckets.take(key, 0.0)
    assert buckets.take("a", 0.0) == 0.0
    assert buckets.take("c", 0.0) > 0.0


def test_what_was_given_back_may_be_taken_again_and_no_more() -> None:
    buckets = TokenBuckets(Rate(burst=1, per_s=0.001), capacity=10)
    buckets.give_back("never seen")
    buckets.take("a", 0.0)
    buckets.give_back("a")
    buckets.give_back("a")
    assert buckets.take("a", 0.0) == 0.0
    assert buckets.take("a", 0.0) > 0.0


def test_the_error_tells_how_long_to_wait() -> None:
    assert RateLimitedError(1.5).wait_s == 1.5
