-- Accounts at log-in, sessions and their refresh tokens.

-- name: find_account
-- The account of a user name with its password's hash.
select a.id, a.username, p.password_hash
from access.account a
join access.password p on p.account_id = a.id
where a.username = $1 and a.disabled_at is null;

-- name: replace_password_hash
-- The same password hashed with the costs of today; only if nobody changed it meanwhile.
update access.password set password_hash = $3 where account_id = $1 and password_hash = $2;

-- name: open_session
-- A new log-in that ends after so many seconds.
insert into access.session (account_id, expires_at)
values ($1, now() + make_interval(secs => $2))
returning id::text;

-- name: add_refresh_token
-- A token of a session, at most as long-lived as the session.
insert into access.refresh_token (token_hash, session_id, expires_at)
select $1, s.id, least(s.expires_at, now() + make_interval(secs => $3))
from access.session s
where s.id = $2::uuid;

-- name: take_refresh_token
-- A refresh token with its session, locked so that two requests cannot both use it.
select t.used_at, t.expires_at > now() as token_holds, s.id::text as session_id,
    s.revoked_at is null and s.expires_at > now() and a.disabled_at is null as session_holds,
    a.username
from access.refresh_token t
join access.session s on s.id = t.session_id
join access.account a on a.id = s.account_id
where t.token_hash = $1
for update of t, s;

-- name: use_refresh_token
-- Marks a refresh token as used.
update access.refresh_token set used_at = now() where token_hash = $1;

-- name: end_session
-- Ends a session for a reason, once.
update access.session set revoked_at = now(), revoked_because = $2
where id = $1::uuid and revoked_at is null;
