"""From a token to who asks, and what log-in needs: password hashes and signed access tokens.

An access token says which session it belongs to; whether that session still holds, and what role
its user has now, is asked of the database with each request (cached for a moment).
"""

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, replace
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

_SESSION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

RefreshToken = NewType("RefreshToken", str)


class Unauthenticated(VitalwireError):
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
        if not isinstance(session, str) or _SESSION.fullmatch(session) is None:
            raise Unauthenticated("token_malformed")
        if not isinstance(subject, str) or not isinstance(expires, int):
            raise Unauthenticated("token_malformed")
        expires_us = expires * 1_000_000
        if expires_us + _CLOCK_LEEWAY_US <= self._clock.now_us():
            raise Unauthenticated("token_expired", actor=subject)
        return AccessClaims(session_id=SessionId(session), username=subject, expires_us=expires_us)


class Authenticator:
    """From an access token to the user who asks, with the role that the user has now."""

    def __init__(
        self, tokens: AccessTokens, database: Database, statements: Statements, clock: Clock
    ) -> None:
        self._tokens = tokens
        self._database = database
        self._find = statements["find_session"]
        self._find_holding = statements["holding_sessions"]
        self._clock = clock
        self._known: OrderedDict[SessionId, tuple[int, Principal]] = OrderedDict()

    async def principal(self, token: str | None) -> Principal:
        """Who holds this token.

        Raises
        ------
        Unauthenticated : it does not hold, or its session has ended
        Unavailable : the database cannot be asked
        """
        if token is None:
            raise Unauthenticated("token_missing")
        claims = self._tokens.read(token)
        known = self._known.get(claims.session_id)
        if known is not None and self._clock.now_us() - known[0] < _CACHE_US:
            return replace(known[1], token_expires_us=claims.expires_us)
        return await self.check(claims)

    async def check(self, claims: AccessClaims) -> Principal:
        """The user of a session, asked of the database now. Raises as ``principal`` does."""
        async with self._database.session() as session:
            row = await session.fetch_one(self._find, claims.session_id)
        if row is None:
            self._known.pop(claims.session_id, None)
            raise Unauthenticated("session_ended", actor=claims.username)
        principal = Principal(
            user_id=UserId(row["account_id"]),
            username=row["username"],
            display_name=row["display_name"],
            role=Role(row["role"]),
            session_id=claims.session_id,
            token_expires_us=claims.expires_us,
        )
        self._known[claims.session_id] = (self._clock.now_us(), principal)
        self._known.move_to_end(claims.session_id)
        if len(self._known) > _CACHE_ENTRIES:
            self._known.popitem(last=False)
        return principal

    async def holding(self, sessions: Collection[SessionId]) -> frozenset[SessionId]:
        """Those of the sessions that hold now."""
        if not sessions:
            return frozenset()
        async with self._database.session() as session:
            rows = await session.fetch(self._find_holding, list(sessions))
        return frozenset(SessionId(row["id"]) for row in rows)

    def forget(self, session_id: SessionId) -> None:
        """Ask anew: the session was ended here."""
        self._known.pop(session_id, None)


class PasswordHashes:
    """Argon2id, off the event loop, equally slow for users that do not exist."""

    def __init__(self, *, memory_kib: int, passes: int) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=1
        )
        self._turns = asyncio.Semaphore(_HASHES_AT_ONCE)
        # What an unknown user's password is compared with: the hash of nothing that can be typed.
        self._nobody = self._hasher.hash(b"\x00" * 32)

    async def hash(self, password: str) -> str:
        """The hash to store, with a salt of its own."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, stored: str | None, password: str) -> bool:
        """Whether ``password`` is the one of ``stored``; takes as long when nothing is stored."""
        async with self._turns:
            compared = self._nobody if stored is None else stored
            same = await asyncio.to_thread(self._verify, compared, password)
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
