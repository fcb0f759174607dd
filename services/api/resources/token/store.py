"""Accounts, sessions and refresh tokens in PostgreSQL."""

from dataclasses import dataclass

from services.api.authentication import RefreshToken, refresh_token_hash
from services.api.core.permissions import SessionId
from shared.database.pool import Database
from shared.database.statements import Statements


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a log-in needs to know."""

    id: int
    username: str
    password_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUse:
    """What became of a refresh token that somebody sent.

    ``holds`` is false for one that is unknown or over; ``reused`` is true for one that had been
    used before, which ended its session.
    """

    holds: bool
    reused: bool
    username: str | None
    session_id: SessionId | None


class TokenStore:
    """Reads accounts; writes sessions and refresh tokens."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    async def find_account(self, username: str) -> Account | None:
        """The account of a user name, unless disabled."""
        async with self._database.session() as session:
            row = await session.fetch_one(self._statements["find_account"], username)
        if row is None:
            return None
        return Account(id=row["id"], username=row["username"], password_hash=row["password_hash"])

    async def replace_hash(self, account: Account, password_hash: str) -> None:
        """Keep a newer hash of the same password."""
        async with self._database.session() as session:
            await session.execute(
                self._statements["replace_password_hash"],
                account.id,
                account.password_hash,
                password_hash,
            )

    async def open_session(
        self, account: Account, token: RefreshToken, *, session_s: int, token_s: int
    ) -> SessionId:
        """Begin a session with its first refresh token."""
        async with self._database.transaction() as session:
            session_id = SessionId(
                await session.fetch_value(self._statements["open_session"], account.id, session_s)
            )
            await session.execute(
                self._statements["add_refresh_token"],
                refresh_token_hash(token),
                session_id,
                token_s,
            )
        return session_id

    async def rotate(self, token: RefreshToken, fresh: RefreshToken, *, token_s: int) -> TokenUse:
        """Use a refresh token up and put another in its place; a second use ends the session."""
        statements = self._statements
        token_hash = refresh_token_hash(token)
        async with self._database.transaction() as session:
            row = await session.fetch_one(statements["take_refresh_token"], token_hash)
            if row is None:
                return TokenUse(holds=False, reused=False, username=None, session_id=None)
            session_id = SessionId(row["session_id"])
            reused = row["used_at"] is not None
            holds = row["token_holds"] and row["session_holds"] and not reused
            if reused:
                await session.execute(statements["end_session"], session_id, "refresh_reused")
            elif holds:
                await session.execute(statements["use_refresh_token"], token_hash)
                await session.execute(
                    statements["add_refresh_token"], refresh_token_hash(fresh), session_id, token_s
                )
        return TokenUse(holds=holds, reused=reused, username=row["username"], session_id=session_id)

    async def end_session(self, token: RefreshToken) -> TokenUse:
        """Log out: end the session of a refresh token."""
        async with self._database.transaction() as session:
            row = await session.fetch_one(
                self._statements["take_refresh_token"], refresh_token_hash(token)
            )
            if row is None:
                return TokenUse(holds=False, reused=False, username=None, session_id=None)
            session_id = SessionId(row["session_id"])
            await session.execute(self._statements["end_session"], session_id, "log_out")
        return TokenUse(
            holds=row["session_holds"],
            reused=False,
            username=row["username"],
            session_id=session_id,
        )
