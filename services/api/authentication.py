"""From a token to who asks, and what log-in needs: password hashes and signed access tokens.

An access token says which session it belongs to; whether that session still holds, and what role
its user has now, is asked of the database with each request (cached for a moment).
"""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Any, NewType

import argon2
import jwt
from argon2.exceptions import InvalidHashError, VerificationError

from services.api.core.permissions import Principal, Role, SessionId, UserId
from shared.database.pool import Database
from shared.database.statements import Statements
from shared.errors import VitalwireError
from shared.runtime.clock import Clock

_ALGORITHM = "HS256"
_ISSUER = "vitalwire"
_AUDIENCE = "vitalwire-api"
_LEAST_KEY_BYTES = 32  # RFC 7518, 3.2: as long as the hash
_MAX_TOKEN_CHARS = 4_096
_CLOCK_LEEWAY_US = 2_000_000  # between the clocks of two api processes
_CACHE_US = 1_000_000  # a revoked session is refused by every process within this
_CACHE_ENTRIES = 10_000
_HASHES_AT_ONCE = 2  # each takes its memory and a core; more of them wait

RefreshToken = NewType("RefreshToken", str)


class Unauthenticated(VitalwireError):  # noqa: N818 - beside Denied and NotFound
    """No token, or one that is wrong, expired, forged or of a session that has ended."""

    def __init__(self, reason: str, *, actor: str = "unknown") -> None:
        super().__init__(reason)
        self.reason = reason
        self.actor = actor


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims:
    """What a correctly signed token says."""

    session_id: SessionId
    username: str
    expires_us: int


class AccessTokens:
    """Signs and reads access tokens.

    Parameters
    ----------
    key : shared by all api processes, 32 bytes or more
    lifetime_s : how long a token holds
    """

    def __init__(self, key: str, *, lifetime_s: int, clock: Clock) -> None:
        if len(key.encode()) < _LEAST_KEY_BYTES:
            raise ValueError(f"the token key needs {_LEAST_KEY_BYTES} bytes or more")
        self._key = key
        self._clock = clock
        self.lifetime_s = lifetime_s

    def sign(self, *, session_id: SessionId, username: str) -> str:
        """A token of this session that holds from now on."""
        now_s = self._clock.now_us() // 1_000_000
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": username,
            "sid": session_id,
            "iat": now_s,
            "exp": now_s + self.lifetime_s,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def read(self, token: str) -> AccessClaims:
        """The claims of a token that we signed and that holds now.

        Raises
        ------
        Unauthenticated : forged, of another algorithm or audience, expired, or no token at all
        """
        if len(token) > _MAX_TOKEN_CHARS:
            raise Unauthenticated("token_malformed")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                issuer=_ISSUER,
                # Times are compared with our clock below, not with the library's.
                options={
                    "require": ["exp", "iat", "sub", "sid", "aud", "iss"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.InvalidTokenError as error:
            raise Unauthenticated("token_forged") from error
        subject, session, expires = claims["sub"], claims["sid"], claims["exp"]
        if not (isinstance(subject, str) and isinstance(session, str) and isinstance(expires, int)):
            raise Unauthenticated("token_malformed")
        expires_us = expires * 1_000_000
        if expires_us + _CLOCK_LEEWAY_US <= self._clock.now_us():
            raise Unauthenticated("token_expired", actor=subject)
        return AccessClaims(session_id=SessionId(session), username=subject, expires_us=expires_us)


class PasswordHashes:
    """Argon2id, off the event loop, equally slow for users that do not exist."""

    def __init__(self, *, memory_kib: int, passes: int) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=1
        )
        self._turns = asyncio.Semaphore(_HASHES_AT_ONCE)
        # What an unknown user's password is compared with: the hash of nothing that can be typed.
        self._nobody = self._hasher.hash(b"\x00" * 32)

    def hash(self, password: str) -> str:
        """The hash to store, with a salt of its own."""
        return self._hasher.hash(password)

    async def matches(self, stored: str | None, password: str) -> bool:
        """Whether ``password`` is the one of ``stored``; takes as long when nothing is stored."""
        async with self._turns:
            same = await asyncio.to_thread(self._verify, stored or self._nobody, password)
        return same and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other costs than ours now."""
        return self._hasher.check_needs_rehash(stored)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


def refresh_token_hash(token: RefreshToken) -> bytes:
    """What is stored of a refresh token; it has 256 random bits, so no salt is needed."""
    return hashlib.sha256(token.encode()).digest()
