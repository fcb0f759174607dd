-- name: all_devices
-- Every device that is in use.
select id, device, model, simulated from registry.device where retired_at is null;

-- name: devices_by_name
-- Those of the named devices that are in use.
select id, device, model, simulated from registry.device
where device = any($1::text[]) and retired_at is null;

-- name: load_segments
-- The clock segments of some boots, given as two arrays that run in parallel.
select s.device_id, s.boot, s.from_n, s.offset_us, s.flags
from unnest($1::integer[], $2::bigint[]) as wanted (device_id, boot)
join gateway.clock_segment s using (device_id, boot)
order by s.device_id, s.boot, s.from_n;

-- name: load_corrections
-- The newest correction of each of some boots.
select distinct on (c.device_id, c.boot) c.device_id, c.boot, c.correction_us
from unnest($1::integer[], $2::bigint[]) as wanted (device_id, boot)
join gateway.clock_correction c using (device_id, boot)
order by c.device_id, c.boot, c.at_us desc;

-- name: keep_segments
-- Writes clock segments that are not there yet; a row once written never changes.
insert into gateway.clock_segment (device_id, boot, from_n, offset_us, flags)
select * from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[], $5::integer[])
on conflict do nothing;

-- name: keep_corrections
-- Records drift of device clocks.
insert into gateway.clock_correction (device_id, boot, at_us, correction_us)
select * from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[])
on conflict do nothing;

-- name: load_presences
-- The newest status of each device in a range of shards.
select p.device_id, p.online, p.boot, p.device_t_us, p.changed_at, p.seen_at, p.firmware,
    p.battery_percent, p.rssi_dbm, p.buffered, p.reported
from gateway.presence p
join registry.device d on d.id = p.device_id
where d.shard between $1 and $2;

-- name: keep_presences
-- Keeps the newest status of some devices; an older one than the row's is left out.
insert into gateway.presence as kept (
    device_id, online, boot, device_t_us, changed_at, seen_at, firmware, battery_percent,
    rssi_dbm, buffered, reported)
select * from unnest(
    $1::integer[], $2::boolean[], $3::bigint[], $4::bigint[], $5::timestamptz[],
    $6::timestamptz[], $7::text[], $8::real[], $9::real[], $10::integer[], $11::jsonb[])
on conflict (device_id) do update set
    online = excluded.online,
    boot = excluded.boot,
    device_t_us = excluded.device_t_us,
    changed_at = excluded.changed_at,
    seen_at = excluded.seen_at,
    firmware = excluded.firmware,
    battery_percent = excluded.battery_percent,
    rssi_dbm = excluded.rssi_dbm,
    buffered = excluded.buffered,
    reported = excluded.reported
where kept.seen_at <= excluded.seen_at;

-- name: load_credentials
-- User name and password hash of every device that may connect.
select d.device, c.password_hash
from registry.device d
join registry.device_credential c on c.device_id = d.id
where d.retired_at is null and c.revoked_at is null
    and (c.expires_at is null or c.expires_at > now())
order by d.device;

-- name: next_expiry
-- When the next credential expires by itself.
select min(expires_at) from registry.device_credential
where revoked_at is null and expires_at > now();

-- name: load_deployment
-- How many lanes there are, and which incarnation of the streams.
select lanes, incarnation from registry.deployment;
