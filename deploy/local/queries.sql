-- name: put_ward
-- The ward of the demonstration.
insert into registry.ward (key, name) values ($1, $2)
on conflict (key) do update set name = excluded.name
returning id;

-- name: put_bed
-- A bed of a ward.
insert into registry.bed (ward_id, key, label) values ($1, $2, $3)
on conflict (ward_id, key) do update set label = excluded.label
returning id;

-- name: put_patient
-- A simulated patient: a key and initials, no name.
insert into registry.patient (key, initials, birth_date, sex) values ($1, $2, $3, $4)
on conflict (key) do update set initials = excluded.initials
returning id;

-- name: put_device
-- A simulated device, or one that replays a recording.
insert into registry.device (device, shard, model, simulated) values ($1, $2, $3, true)
on conflict (device) do update set model = excluded.model
returning id;

-- name: credential_in_force
-- The hash of the secret by which a device logs in.
select password_hash from registry.device_credential
where device_id = $1 and revoked_at is null;

-- name: revoke_credential
-- Ends the credential of a device.
update registry.device_credential set revoked_at = now()
where device_id = $1 and revoked_at is null;

-- name: add_credential
-- A new credential of a device.
insert into registry.device_credential (device_id, password_hash) values ($1, $2);

-- name: assign_device
-- The patient wears the device from now on, unless somebody does.
insert into registry.assignment (device_id, patient_id)
select $1, $2
where not exists (select from registry.assignment where device_id = $1 and ends is null);

-- name: lay_in_bed
-- The patient lies in the bed from now on, unless one of them is taken.
insert into registry.stay (patient_id, bed_id)
select $1, $2
where not exists (
    select from registry.stay where (patient_id = $1 or bed_id = $2) and ends is null);

-- name: end_other_stays
-- Clears the beds of a ward of patients that are not in this run, so that the new ones fit in.
update registry.stay s set ends = now()
from registry.bed b
where b.id = s.bed_id and b.ward_id = $1 and s.ends is null and not (s.patient_id = any ($2))
    and s.starts < now();

-- name: put_account
-- An account of the demonstration.
insert into access.account (username, display_name, role, patient_id) values ($1, $2, $3, $4)
on conflict (username) do update set display_name = excluded.display_name
returning id;

-- name: has_password
-- Whether an account has a password already.
select exists (select from access.password where account_id = $1);

-- name: put_password
-- The hash of an account's password.
insert into access.password (account_id, password_hash) values ($1, $2)
on conflict (account_id) do update set password_hash = excluded.password_hash, changed_at = now();

-- name: put_care_team
-- The team that cares for whoever lies in a ward.
insert into access.care_team (key, name, ward_id) values ($1, $2, $3)
on conflict (key) do update set name = excluded.name
returning id;

-- name: join_care_team
-- An account belongs to a team, unless it does already.
insert into access.membership (care_team_id, account_id)
select $1, $2
where not exists (
    select from access.membership
    where care_team_id = $1 and account_id = $2 and ends is null);

-- name: broken_links
-- What is broken in the chains of the audit trail; no row = all is whole.
select chain, n, what from audit.verify();

-- name: deployment
-- The number of lanes and the incarnation of the streams.
select lanes, incarnation from registry.deployment;

-- name: put_map
-- The map of a floor, unless there is one already; gives its number when it is new.
insert into registry.place_map
    (site, floor, version, access_points, n_points, points, digest, made_by)
select $1, $2, 1, $3, $4, $5, $6, 'simulation'
where not exists (select from registry.place_map where site = $1 and floor = $2)
returning id;

-- name: put_room
-- A room of a map.
insert into registry.place_room (map_id, n, name, outline) values ($1, $2, $3, $4);

-- name: use_map
-- Takes a map into use at once.
insert into registry.place_use (map_id, from_us, used_by)
values ($1, (extract(epoch from now()) * 1e6)::bigint, 'simulation');
