-- What is wished of a device that access has let through. A trigger tells the gateway.

-- name: configuration
-- What is wished of a device, and what it reports.
select coalesce(c.version, 0) as version, coalesce(c.configuration, '{}') as configuration,
    c.changed_by, c.changed_at, coalesce(p.reported, '{}') as reported
from registry.device d
left join registry.device_configuration c on c.device_id = d.id
left join gateway.presence p on p.device_id = d.id
where d.id = $1;

-- name: lock_configuration
-- Lets one change of a device's configuration through at a time.
select pg_advisory_xact_lock(hashtext('registry.device_configuration'), $1);

-- name: put_configuration
-- What is wished from now on.
insert into registry.device_configuration as kept (device_id, version, configuration, changed_by)
values ($1, 1, $2, $3)
on conflict (device_id) do update
set version = kept.version + 1, configuration = excluded.configuration,
    changed_by = excluded.changed_by, changed_at = now();
