-- Who asks, whom they may see, and what of it is written down.

-- name: find_session
-- The user of a session that holds now.
select a.id as account_id, a.username, a.display_name, a.role
from access.session s
join access.account a on a.id = s.account_id
where s.id = $1 and s.revoked_at is null and s.expires_at > now() and a.disabled_at is null;

-- name: holding_sessions
-- Those of these sessions that hold now.
select s.id::text as id
from access.session s
join access.account a on a.id = s.account_id
where s.id = any($1::uuid[]) and s.revoked_at is null and s.expires_at > now()
    and a.disabled_at is null;

-- name: visible_patients
-- Every patient whom an account may see now: by a team that cares for the ward or for the patient,
-- by a relation of its own, or because it is the patient's own account; of one key when it is given.
select p.id
from registry.patient p
join access.account a on a.id = $1 and a.disabled_at is null
where p.erased_at is null and ($2::text is null or p.key = $2) and (
    p.id = a.patient_id
    or exists (
        select from access.relation r
        where r.account_id = a.id and r.patient_id = p.id
            and r.starts <= now() and (r.ends is null or r.ends > now()))
    or exists (
        select from access.membership m
        join access.care_team_patient c on c.care_team_id = m.care_team_id
        where m.account_id = a.id and c.patient_id = p.id
            and m.starts <= now() and (m.ends is null or m.ends > now())
            and c.starts <= now() and (c.ends is null or c.ends > now()))
    or exists (
        select from access.membership m
        join access.care_team t on t.id = m.care_team_id
        join registry.bed b on b.ward_id = t.ward_id
        join registry.stay s on s.bed_id = b.id
        where m.account_id = a.id and s.patient_id = p.id
            and m.starts <= now() and (m.ends is null or m.ends > now())
            and s.starts <= now() and (s.ends is null or s.ends > now())))
order by p.id;

-- name: sight_of_patients
-- Where patients lie now and what they wear, one row a device (or one without).
select p.id, p.key, p.initials, w.key as ward_key, w.name as ward_name, b.key as bed_key,
    b.label as bed_label, d.id as device_id, d.device, d.model, d.simulated,
    (extract(epoch from g.starts) * 1e6)::bigint as since_us
from registry.patient p
left join registry.stay s on s.patient_id = p.id
    and s.starts <= now() and (s.ends is null or s.ends > now())
left join registry.bed b on b.id = s.bed_id
left join registry.ward w on w.id = b.ward_id
left join registry.assignment g on g.patient_id = p.id
    and g.starts <= now() and (g.ends is null or g.ends > now())
left join registry.device d on d.id = g.device_id and d.retired_at is null
where p.id = any($1::integer[])
order by p.id, d.device;

-- name: find_patient
-- The row of a patient, whoever asks: for the audit of who asked in vain.
select id from registry.patient where key = $1;

-- name: find_device
-- A device, and who wears it now, whoever asks.
select d.id, d.device, d.model, d.retired_at, p.key as patient
from registry.device d
left join registry.assignment g on g.device_id = d.id
    and g.starts <= now() and (g.ends is null or g.ends > now())
left join registry.patient p on p.id = g.patient_id
where d.device = $1;

-- name: own_wards
-- The wards that the teams of an account care for now.
select distinct w.key, w.name
from access.membership m
join access.account a on a.id = m.account_id and a.disabled_at is null
join access.care_team t on t.id = m.care_team_id
join registry.ward w on w.id = t.ward_id
where m.account_id = $1 and m.starts <= now() and (m.ends is null or m.ends > now())
order by w.name, w.key;

-- name: append_audit
-- Appends entries to the audit trail in their order.
select audit.append_many(
    actors => $1::text[], actions => $2::text[], resources => $3::text[], outcomes => $4::text[],
    patient_ids => $5::integer[], device_ids => $6::integer[], reasons => $7::text[],
    origins => $8::text[], request_ids => $9::text[], details => $10::jsonb[]);
