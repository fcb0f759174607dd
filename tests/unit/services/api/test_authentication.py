import jwt
import pytest

from services.api.authentication import (
    AccessTokens,
    PasswordHashes,
    RefreshToken,
    Unauthenticated,
    refresh_token_hash,
)
from services.api.core.permissions import SessionId
from tests.harness.manual_clock import ManualClock

KEY = "k" * 43
SESSION = SessionId("01234567-89ab-4def-8123-456789abcdef")


def tokens(clock: ManualClock) -> AccessTokens:
    return AccessTokens(KEY, lifetime_s=600, clock=clock)


async def test_a_token_holds_for_its_life_and_a_moment_more(manual_clock: ManualClock) -> None:
    signer = tokens(manual_clock)
    token = signer.sign(session_id=SESSION, username="nina")
    claims = signer.read(token)
    assert (claims.session_id, claims.username) == (SESSION, "nina")

    await manual_clock.advance(601)
    assert signer.read(token).expires_us < manual_clock.now_us()
    await manual_clock.advance(1)
    with pytest.raises(Unauthenticated) as refused:
        signer.read(token)
    assert (refused.value.reason, refused.value.actor) == ("token_expired", "nina")


def test_a_weak_key_is_refused(manual_clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        AccessTokens("short", lifetime_s=600, clock=manual_clock)


@pytest.mark.parametrize("missing", ["exp", "iat", "sub", "sid", "aud", "iss"])
def test_every_claim_is_needed(manual_clock: ManualClock, missing: str) -> None:
    signer = tokens(manual_clock)
    good = jwt.decode(
        signer.sign(session_id=SESSION, username="nina"), options={"verify_signature": False}
    )
    del good[missing]
    with pytest.raises(Unauthenticated):
        signer.read(jwt.encode(good, KEY, algorithm="HS256"))


@pytest.mark.parametrize("session", ["1", "x' or true --", SESSION.upper(), f"{SESSION}\n"])
def test_a_session_that_is_no_uuid_never_reaches_the_database(
    manual_clock: ManualClock, session: str
) -> None:
    signer = tokens(manual_clock)
    with pytest.raises(Unauthenticated):
        signer.read(signer.sign(session_id=SessionId(session), username="nina"))


async def test_passwords_are_hashed_with_argon2id_and_salt() -> None:
    hashes = PasswordHashes(memory_kib=8_192, passes=1)
    first, second = await hashes.hash("secret"), await hashes.hash("secret")
    assert first.startswith("$argon2id$v=19$m=8192,t=1,p=1$")
    assert first != second
    assert await hashes.matches(first, "secret")
    assert not await hashes.matches(first, "Secret")
    assert not await hashes.matches(None, "secret")
    assert not await hashes.matches("not a hash", "secret")
    assert not hashes.is_outdated(first)
    assert PasswordHashes(memory_kib=8_192, passes=2).is_outdated(first)


def test_of_a_refresh_token_only_the_hash_is_known() -> None:
    assert refresh_token_hash(RefreshToken("abc")).hex() == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
