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
-- User name and password hash of every device that may connect. A new credential that waits for
-- its confirmation takes effect by itself in the end.
select d.device, coalesce(n.password_hash, c.password_hash) as password_hash
from registry.device d
join registry.device_credential c on c.device_id = d.id
left join registry.next_credential n on n.device_id = d.id and n.takes_effect_at <= now()
where d.retired_at is null and c.revoked_at is null
    and (c.expires_at is null or c.expires_at > now())
order by d.device;

-- name: load_deployment
-- How many lanes there are, and which incarnation of the streams.
select lanes, incarnation from registry.deployment;

-- name: other_deployments
-- The newest deployments whose sessions may still be there: those that were replaced, and those that
-- were prepared and not carried through.
select incarnation, lanes
from (
    select from_incarnation as incarnation, from_lanes as lanes
    from registry.lane_change where phase in ('switched', 'done')
    union
    select to_incarnation, to_lanes from registry.lane_change
    where phase not in ('switched', 'done')
      and (ended_at is not null or hold_until <= clock_timestamp())
) as other
where incarnation <> $1
order by incarnation desc
limit $2;

-- name: take_command
-- Writes the row of a command, once; one that comes too late has ended with it.
insert into gateway.command (
    id, device_id, name, args, requested_by, expires_at, outcome, finished_at)
select $1::uuid, $2::integer, $3::text, $4::jsonb, $5::text, $6::timestamptz,
    case when $6 <= now() then 'expired' end, case when $6 <= now() then now() end
on conflict (id) do nothing;

-- name: open_command
-- A command as it stands, if it has not ended.
select id::text, device_id, name, args, expires_at, sends, sent_at, outcome
from gateway.command
where id = $1::uuid and (outcome is null or outcome = 'unknown');

-- name: open_commands
-- Commands for a range of shards that have not ended, or ended unknown within the last day: their
-- devices are asked when they come back.
select c.id::text, c.device_id, c.name, c.args, c.expires_at, c.sends, c.sent_at, c.outcome
from gateway.command c
join registry.device d on d.id = c.device_id
where d.shard between $1 and $2
    and (c.outcome is null or (c.outcome = 'unknown' and c.expires_at > now() - interval '1 day'))
order by c.taken_at, c.id
limit 20000;

-- name: mark_command_sent
-- Says that a command is sent now; only one replica can, and nobody after its time.
update gateway.command set sent_at = now(), sends = sends + 1, outcome = null, finished_at = null,
    told_at = null
where id = $1::uuid and sends = $2 and (outcome is null or outcome = 'unknown')
    and expires_at > now()
returning id::text, device_id, name, args, expires_at, sends, sent_at, outcome;

-- name: finish_command
-- How a command ended. An unknown end may still become known; no other ever changes.
update gateway.command set outcome = $3, detail = $4, finished_at = now(), told_at = null
where id = $1::uuid and device_id = $2
    and (outcome is null or (outcome = 'unknown' and $3 <> 'unknown'));

-- name: untold_commands
-- Ended commands for a range of shards whose event may be missing, the oldest first.
select c.id::text, c.device_id, c.name, c.outcome, c.detail, c.finished_at
from gateway.command c
join registry.device d on d.id = c.device_id
where d.shard between $1 and $2 and c.outcome is not null and c.told_at is null
order by c.finished_at, c.id
limit 200;

-- name: mark_commands_told
-- Says that the events of these outcomes are durable.
update gateway.command c set told_at = now()
from unnest($1::text[], $2::text[]) as told (id, outcome)
where c.id = told.id::uuid and c.outcome = told.outcome;

-- name: load_configurations
-- What is wished of the devices of a range of shards.
select c.device_id, c.version, c.configuration
from registry.device_configuration c
join registry.device d on d.id = c.device_id
where d.shard between $1 and $2 and d.retired_at is null;

-- name: add_counts
-- Adds to the counters of some devices.
insert into gateway.device_counter as kept (device_id, kind, reason, n, newest_at)
select *, now() from unnest($1::integer[], $2::text[], $3::text[], $4::bigint[])
on conflict (device_id, kind, reason) do update set
    n = kept.n + excluded.n, newest_at = excluded.newest_at;
