-- Commands to a device that access has let through. The request is written here, what became of it
-- by the gateway.

-- name: lock_device
-- Lets one request for a device through at a time, so that the bound of open commands holds.
select pg_advisory_xact_lock(hashtext('registry.command'), $1);

-- name: count_open
-- Commands of a device that may still run.
select count(*)
from registry.command r
left join gateway.command g on g.id = r.id
where r.device_id = $1 and r.expires_at > now() and g.outcome is null;

-- name: add_command
-- Writes down what is asked for.
insert into registry.command (id, device_id, name, args, requested_by, requested_at, expires_at)
values ($1::uuid, $2, $3, $4, $5, $6, $7);

-- name: commands
-- Commands of a device, the newest first, behind a place in that order.
select r.id::text, r.name, r.args, r.requested_by, r.requested_at, r.expires_at,
    g.id is not null as is_taken, g.sent_at, g.outcome, g.detail, g.finished_at,
    r.expires_at <= now() as is_over
from registry.command r
left join gateway.command g on g.id = r.id
where r.device_id = $1
    and ($2::timestamptz is null or (r.requested_at, r.id) < ($2, $3::uuid))
order by r.requested_at desc, r.id desc
limit $4;

-- name: command
-- One command of a device.
select r.id::text, r.name, r.args, r.requested_by, r.requested_at, r.expires_at,
    g.id is not null as is_taken, g.sent_at, g.outcome, g.detail, g.finished_at,
    r.expires_at <= now() as is_over
from registry.command r
left join gateway.command g on g.id = r.id
where r.device_id = $1 and r.id = $2::uuid;

-- name: lanes
-- How many lanes there are now.
select lanes from registry.deployment;
