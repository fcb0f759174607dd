"""Codes that people read and type."""

from hypothesis import given
from hypothesis import strategies as st

from services.api.core.claim_code import CODE_BYTES, code_of, hash_of, is_right

SALT = b"s" * 16
RANDOM = st.binary(min_size=CODE_BYTES, max_size=CODE_BYTES)


def test_a_code_is_short_and_has_no_letter_that_looks_like_a_figure() -> None:
    assert code_of(b"\x00" * 5) == "0000-0000"
    assert code_of(b"\xff" * 5) == "ZZZZ-ZZZZ"
    assert not set("OILU") & set("".join(code_of(bytes([n] * 5)) for n in range(256)))


@given(RANDOM)
def test_it_is_right_however_it_is_typed(random: bytes) -> None:
    code = code_of(random)
    kept = hash_of(code, SALT)
    looks = str.maketrans("01", "OL")
    for typed in (code, code.lower(), code.replace("-", ""), f" {code} ", code.translate(looks)):
        assert is_right(typed, SALT, kept)


@given(RANDOM, RANDOM)
def test_another_one_or_another_salt_is_wrong(one: bytes, other: bytes) -> None:
    kept = hash_of(code_of(one), SALT)
    assert is_right(code_of(other), SALT, kept) == (one == other)
    assert not is_right(code_of(one), b"t" * 16, kept)
