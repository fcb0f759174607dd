"""Log-in, refresh, log-out: what each of them means, limits and writes down."""

import re
import secrets
from dataclasses import dataclass

from services.api.audit import Action, AuditEntry, AuditTrail, Origin, Outcome
from services.api.authentication import (
    AccessTokens,
    Authenticator,
    PasswordHashes,
    RefreshToken,
    Unauthenticated,
)
from services.api.core.token_bucket import Rate, RateLimitedError, TokenBuckets
from services.api.metrics import ApiMetrics
from services.api.resources.token.store import TokenStore, TokenUse
from services.api.settings import ApiSettings
from shared.runtime.clock import Clock

_USERNAME = re.compile(r"[a-z0-9._@-]{2,80}")
_REFRESH_BYTES = 32
_BUCKETS = 50_000  # user names and addresses whose failures are remembered
_ADDRESS_SHARE = 5  # several people may come from one address


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a log-in gives."""

    access: str
    refresh: RefreshToken


class TokenService:
    """Opens, continues and ends sessions."""

    def __init__(
        self,
        *,
        store: TokenStore,
        hashes: PasswordHashes,
        tokens: AccessTokens,
        authenticator: Authenticator,
        audit: AuditTrail,
        clock: Clock,
        metrics: ApiMetrics,
        settings: ApiSettings,
    ) -> None:
        self._store = store
        self._hashes = hashes
        self._tokens = tokens
        self._authenticator = authenticator
        self._audit = audit
        self._clock = clock
        self._metrics = metrics
        self._settings = settings
        per_s = settings.api_log_in_per_minute / 60
        burst = settings.api_log_in_burst
        self._by_name = TokenBuckets(Rate(burst=burst, per_s=per_s), _BUCKETS)
        self._by_address = TokenBuckets(
            Rate(burst=burst * _ADDRESS_SHARE, per_s=per_s * _ADDRESS_SHARE), _BUCKETS
        )

    @property
    def access_token_s(self) -> int:
        """Life of an access token."""
        return self._settings.api_access_token_s

    async def log_in(self, username: str, password: str, origin: Origin) -> Tokens:
        """Tokens for who knows the password; as slow for a name that does not exist.

        Raises
        ------
        RateLimitedError : too many failures for this name or from this address
        Unauthenticated : name or password are wrong; audited
        """
        name = username.strip().lower()
        now_s = self._clock.monotonic_s()
        wait_s = max(
            self._by_name.wait_s(name, now_s), self._by_address.wait_s(origin.address, now_s)
        )
        if wait_s > 0:
            self._metrics.log_ins.labels("rate_limited").inc()
            raise RateLimitedError(wait_s)
        # Taken before the slow comparison, so that many at once do not pass together.
        self._by_name.take(name, now_s)
        self._by_address.take(origin.address, now_s)
        account = (
            await self._store.find_account(name) if _USERNAME.fullmatch(name) is not None else None
        )
        stored = account.password_hash if account is not None else None
        if not await self._hashes.matches(stored, password) or account is None:
            self._metrics.log_ins.labels("refused").inc()
            # A name that is none of ours may be a password in the wrong field: not written down.
            actor = account.username if account is not None else "unknown"
            await self._write_down(actor, Action.LOG_IN, Outcome.REFUSED, origin, "bad_credentials")
            raise Unauthenticated("bad_credentials")
        if self._hashes.is_outdated(account.password_hash):
            await self._store.replace_hash(account, await self._hashes.hash(password))
        refresh = _draw_refresh_token()
        session_id = await self._store.open_session(
            account,
            refresh,
            session_s=self._settings.api_session_s,
            token_s=self._settings.api_refresh_token_s,
        )
        self._by_name.forgive(name)
        self._by_address.give_back(origin.address)
        self._metrics.log_ins.labels("granted").inc()
        await self._write_down(account.username, Action.LOG_IN, Outcome.GRANTED, origin, None)
        access = self._tokens.sign(session_id=session_id, username=account.username)
        return Tokens(access=access, refresh=refresh)

    async def refresh(self, token: RefreshToken | None, origin: Origin) -> Tokens:
        """New tokens for a refresh token that was not used before.

        Raises
        ------
        Unauthenticated : none was sent, it does not hold, or it was used before, which ends the
            session; audited
        """
        if token is None:
            raise Unauthenticated("refresh_missing")
        fresh = _draw_refresh_token()
        use = await self._store.rotate(token, fresh, token_s=self._settings.api_refresh_token_s)
        if not use.holds or use.session_id is None or use.username is None:
            await self._refuse_refresh(use, origin)
            raise Unauthenticated("refresh_reused" if use.reused else "refresh_invalid")
        await self._write_down(use.username, Action.REFRESH, Outcome.GRANTED, origin, None)
        access = self._tokens.sign(session_id=use.session_id, username=use.username)
        return Tokens(access=access, refresh=fresh)

    async def log_out(self, token: RefreshToken | None, origin: Origin) -> None:
        """End the session of a refresh token; nothing happens when there is none."""
        if token is None:
            return
        use = await self._store.end_session(token)
        if use.session_id is not None and use.username is not None:
            self._authenticator.forget(use.session_id)
            await self._write_down(use.username, Action.LOG_OUT, Outcome.GRANTED, origin, None)

    async def _refuse_refresh(self, use: TokenUse, origin: Origin) -> None:
        if use.session_id is not None and use.reused:
            self._authenticator.forget(use.session_id)
        await self._write_down(
            use.username or "unknown",
            Action.REFRESH_REUSED if use.reused else Action.REFRESH,
            Outcome.REFUSED,
            origin,
            "used before: session ended" if use.reused else "does not hold",
        )

    async def _write_down(
        self, actor: str, action: Action, outcome: Outcome, origin: Origin, reason: str | None
    ) -> None:
        await self._audit.append(
            AuditEntry(
                actor=actor,
                action=action,
                resource="/v1/token",
                outcome=outcome,
                origin=origin,
                reason=reason,
            )
        )


def _draw_refresh_token() -> RefreshToken:
    return RefreshToken(secrets.token_urlsafe(_REFRESH_BYTES))
