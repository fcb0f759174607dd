-- Which patient wears which device. Patients and devices were let through by access.

-- name: lock_device
-- Lets one change of a device's assignment through at a time.
select pg_advisory_xact_lock(hashtext('registry.assignment'), $1);

-- name: lock_units
-- The same for the units behind a hub; a unit that joins waits for the lock of its hub.
select pg_advisory_xact_lock(hashtext('registry.assignment'), u.id)
from (select id from registry.device where parent_id = $1 order by id) as u;

-- name: find_device
-- A device by its name, its wearer now, and the code to claim it with.
select d.id, d.device, d.model, d.retired_at, g.patient_id, p.key as patient,
    c.salt, c.code_hash, c.expires_at > now() as is_claimable
from registry.device d
left join registry.assignment g on g.device_id = d.id
    and g.starts <= now() and (g.ends is null or g.ends > now())
left join registry.patient p on p.id = g.patient_id
left join registry.claim_code c on c.device_id = d.id
where d.device = $1;

-- name: assign
-- A patient wears a device from now on.
insert into registry.assignment (device_id, patient_id, starts, assigned_by)
values ($1, $2, clock_timestamp(), $3)
returning starts, ends, assigned_by;

-- name: assign_units
-- The units behind a hub are worn by whom the hub is worn by, but those that somebody wears.
with worn as (
    insert into registry.assignment (device_id, patient_id, starts, assigned_by)
    select d.id, $2, clock_timestamp(), $3 from registry.device d
    where d.parent_id = $1 and d.retired_at is null and not exists (
        select from registry.assignment g
        where g.device_id = d.id and (g.ends is null or g.ends > now()))
    returning device_id
)
select d.id, d.device from worn join registry.device d on d.id = worn.device_id order by d.device;

-- name: release_units
-- A patient wears the units behind a hub no more.
with taken_off as (
    update registry.assignment g set ends = clock_timestamp()
    from registry.device d
    where d.id = g.device_id and d.parent_id = $1 and g.patient_id = $2 and g.ends is null
        and g.starts < clock_timestamp()
    returning g.device_id
)
select d.id, d.device from taken_off join registry.device d on d.id = taken_off.device_id
order by d.device;

-- name: release
-- A patient wears a device no more.
update registry.assignment set ends = clock_timestamp()
where device_id = $1 and patient_id = $2 and ends is null and starts < clock_timestamp()
returning starts, ends, assigned_by;

-- name: assignments
-- The assignments of a patient, the newest first, behind a place in that order.
select g.id, d.device, d.model, g.starts, g.ends, g.assigned_by
from registry.assignment g
join registry.device d on d.id = g.device_id
where g.patient_id = $1 and ($2::bigint is null or g.id < $2)
order by g.id desc
limit $3;

-- name: put_claim_code
-- A new code; the one before ends.
insert into registry.claim_code (device_id, salt, code_hash, expires_at, made_by)
values ($1, $2, $3, now() + make_interval(secs => $4), $5)
on conflict (device_id) do update
set salt = excluded.salt, code_hash = excluded.code_hash, expires_at = excluded.expires_at,
    failures = 0, made_by = excluded.made_by, made_at = now()
returning expires_at;

-- name: count_failure
-- A wrong code; gives how many there were.
update registry.claim_code set failures = failures + 1 where device_id = $1 returning failures;

-- name: end_claim_code
-- The code was used, or guessed at too often.
delete from registry.claim_code where device_id = $1;
