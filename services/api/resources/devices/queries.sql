-- Devices and their credentials. A trigger tells the gateway of each change (registry_changed).

-- name: devices
-- Devices behind a name, in the order of their names; of all, or of these only.
select d.id, d.device, d.model, d.simulated, d.note, d.created_at, d.retired_at,
    p.online, p.seen_at, p.battery_percent, p.firmware, p.rssi_dbm, p.buffered,
    c.created_at as credential_created_at, h.device as hub,
    d.settings -> 'processing' as processing
from registry.device d
left join registry.device h on h.id = d.parent_id
left join gateway.presence p on p.device_id = d.id
left join registry.device_credential c on c.device_id = d.id and c.revoked_at is null
where d.device > $1 and ($2::integer[] is null or d.id = any($2))
order by d.device
limit $3;

-- name: device
-- One device by its name.
select id, device, model, retired_at, parent_id from registry.device where device = $1;

-- name: add_device
-- A new device.
insert into registry.device (device, shard, model, simulated, note)
values ($1, $2, $3, $4, $5)
returning id;

-- name: revoke_credential
-- Ends the credential of a device: it is cut off, and cannot come again with it.
update registry.device_credential set revoked_at = now()
where device_id = $1 and revoked_at is null;

-- name: add_credential
-- A new credential; only the hash is kept.
insert into registry.device_credential (device_id, password_hash) values ($1, $2);

-- name: wait_with_credential
-- A new credential that replaces the one in force later.
insert into registry.next_credential (device_id, password_hash, takes_effect_at)
values ($1, $2, now() + make_interval(secs => $3))
on conflict (device_id) do update
set password_hash = excluded.password_hash, takes_effect_at = excluded.takes_effect_at,
    created_at = now()
returning takes_effect_at;

-- name: take_waiting_credential
-- The credential that waits for its time, taken away.
delete from registry.next_credential where device_id = $1 returning password_hash;

-- name: database_time
-- The time by which credentials take effect.
select now();

-- name: lock_device
-- Lets one change of what a device is behind or on go through at a time; a unit joins under it.
select pg_advisory_xact_lock(hashtext('registry.assignment'), $1);

-- name: retire_device
-- A device is out of use for good, and with it the units behind it.
update registry.device set retired_at = now()
where (id = $1 or parent_id = $1) and retired_at is null;

-- name: end_assignments
-- Nobody wears a device, or a unit behind it, any more.
update registry.assignment g set ends = clock_timestamp()
from registry.device d
where d.id = g.device_id and (d.id = $1 or d.parent_id = $1) and g.ends is null
    and g.starts < clock_timestamp();

-- name: counters
-- What is counted of a device.
select kind, reason, n, newest_at from gateway.device_counter
where device_id = $1
order by kind, n desc, reason;

-- name: presence
-- A device's newest status, with the clock of its power-up: the newest segment and correction.
select p.online, p.seen_at, p.buffered, s.offset_us, c.correction_us
from gateway.presence p
left join lateral (
    select offset_us from gateway.clock_segment
    where device_id = p.device_id and boot = p.boot order by from_n desc limit 1) s on true
left join lateral (
    select correction_us from gateway.clock_correction
    where device_id = p.device_id and boot = p.boot order by at_us desc limit 1) c on true
where p.device_id = $1;

-- name: find_idempotency_key
-- What was answered to this key before; keys hold for 24 hours.
select request_hash, response from access.idempotency_key
where account_id = $1 and key = $2 and created_at > now() - interval '24 hours';

-- name: keep_idempotency_key
-- Remembers what was answered to this key.
insert into access.idempotency_key (account_id, key, request_hash, status, response)
values ($1, $2, $3, $4, $5)
on conflict (account_id, key) do update
set request_hash = excluded.request_hash, status = excluded.status,
    response = excluded.response, created_at = now();

-- name: lock_idempotency_key
-- Lets one request of a key through at a time.
select pg_advisory_xact_lock(hashtext('access.idempotency_key'), hashtext($1::text));
