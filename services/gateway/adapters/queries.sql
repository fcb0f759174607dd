-- name: all_devices
-- Every device that is in use.
select id, device, model, simulated, parent_id, settings
from registry.device where retired_at is null;

-- name: devices_by_name
-- Those of the named devices that are in use.
select id, device, model, simulated, parent_id, settings
from registry.device
where device = any($1::text[]) and retired_at is null;

-- name: join_unit
-- The row of a unit behind a hub, made if it is new; null where it may not join.
select registry.join_unit($1, $2, $3, $4, $5::smallint);

-- name: load_rests
-- What byte streams had left after some messages, given as arrays that run in parallel.
select r.device_id, r.codec, r.boot, r.n, r.rest
from unnest($1::integer[], $2::text[], $3::bigint[], $4::bigint[])
    as wanted (device_id, codec, boot, n)
join gateway.rest r using (device_id, codec, boot, n);

-- name: keep_rests
-- Writes rests that are not there yet, and gives what stands: a row once written never changes.
insert into gateway.rest as kept (device_id, codec, boot, n, rest, received_us)
select * from unnest($1::integer[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[],
    $6::bigint[])
on conflict (device_id, codec, boot, n) do update set rest = kept.rest
returning device_id, codec, boot, n, rest;

-- name: forget_rests
-- Removes the rests of some devices but the newest of each.
delete from gateway.rest r
using unnest($1::integer[]) as of (device_id)
cross join lateral (
    select newest.received_us from gateway.rest newest where newest.device_id = of.device_id
    order by newest.received_us desc offset $2 limit 1) as last
where r.device_id = of.device_id and r.received_us <= last.received_us;

-- name: forget_old_rests
-- Removes some rests that came before a time.
delete from gateway.rest where ctid = any(array(
    select ctid from gateway.rest where received_us < $1 limit 5000));

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
    and d.parent_id is null -- a unit speaks through its hub
    and (c.expires_at is null or c.expires_at > now())
order by d.device;

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

-- name: newest_file
-- The newest file of a device by its name.
select id::text, format, total, state, crc32, reason
from gateway.file
where device_id = $1 and name = $2 and sent_by = ''
order by made_at desc, id desc
limit 1;

-- name: file_marks
-- Which parts of a file came.
select starts, size, crc32 from gateway.file_part where file_id = $1::uuid;

-- name: count_open_files
-- How many files of a device are not whole.
select count(*) from gateway.file where device_id = $1 and state = 'receiving' and sent_by = '';

-- name: begin_file
-- Makes the row of a file that a device sends, unless it is there.
insert into gateway.file (id, device_id, name, format, total)
values (gen_random_uuid(), $1, $2, $3, $4)
on conflict (device_id, name) where state = 'receiving' and sent_by = '' do nothing;

-- name: keep_parts
-- Keeps parts of a file, as long as it is received; gives its row.
with kept as (
    update gateway.file set changed_at = now() where id = $1::uuid and state = 'receiving'
    returning id
), added as (
    insert into gateway.file_part (file_id, starts, size, crc32, content)
    select kept.id, p.starts, length(p.content), p.crc32, p.content
    from kept, unnest($2::integer[], $3::bigint[], $4::bytea[]) as p (starts, crc32, content)
    on conflict do nothing
)
select count(*) from kept;

-- name: complete_file
-- Says that every byte of a file is there.
update gateway.file set state = 'complete', changed_at = now()
where id = $1::uuid and state = 'receiving';

-- name: unfinished_files
-- Files of some devices that are not whole.
select device_id, name from gateway.file
where device_id = any($1::integer[]) and state = 'receiving' and sent_by = ''
order by device_id, made_at;

-- name: next_file
-- The file of a range of shards that waits longest to be read.
select f.id::text, f.device_id, d.device, d.model, d.simulated, d.settings, f.name, f.format,
    f.total, f.options
from gateway.file f
join registry.device d on d.id = f.device_id
where f.state in ('complete', 'reading') and d.shard between $1 and $2
order by f.changed_at, f.id
limit 1;

-- name: attempt_file
-- Counts how often a file was begun to be read.
update gateway.file set attempts = attempts + 1
where id = $1::uuid and state in ('complete', 'reading')
returning attempts;

-- name: file_content
-- The parts of a file in their order.
select starts, content from gateway.file_part
where file_id = $1::uuid and content is not null order by starts, size;

-- name: mark_file_read
-- Says what is in a file; from now on it is sent.
update gateway.file set state = 'reading', n_pieces = $2, n_frames = $3, n_stored = 0,
    starts_us = $4, ends_us = $5
where id = $1::uuid and state in ('complete', 'reading');

-- name: save_file_progress
-- Says how many pieces of a file are stored.
update gateway.file set n_stored = $2 where id = $1::uuid and state = 'reading';

-- name: wear_while_recorded
-- Has the patient whom a file is of wear its device while it was recorded; gives why not.
select gateway.wear_while_recorded($1::uuid, $2, $3);

-- name: finish_file
-- Says how a file ended.
update gateway.file set state = $2, reason = $3, detail = $4, line = $5, byte_offset = $6,
    crc32 = $7,
    n_stored = case when $2 = 'stored' then n_pieces else n_stored end,
    finished_at = now(), changed_at = now()
where id = $1::uuid and state in ('complete', 'reading');

-- name: drop_file_content
-- Drops the bytes of a file; its checksums stay, by which a repeat is known.
update gateway.file_part set content = null where file_id = $1::uuid;
