-- What a live subscription needs of the past. Patients and devices come from access.

-- name: newest_values
-- The newest value of each device, measure and method of these patients, from their newest rows.
select distinct on (v.patient_id, v.device_id, u.measure, u.method)
    v.patient_id, v.device_id, v.t, u.measure, u.method, u.value, u.quality, u.validity, u.flags,
    u.revision
from unnest($1::integer[]) as p (id)
cross join lateral (
    select * from signal.vital
    where patient_id = p.id and t >= $2 and t < $3
    order by t desc limit 100
) as v
cross join lateral unnest(
    v.measure, v.method, v.value, v.quality, v.validity, v.flags, v.revision)
    as u (measure, method, value, quality, validity, flags, revision)
order by v.patient_id, v.device_id, u.measure, u.method, v.t desc;

-- name: events_after
-- Events of these patients and devices between two places in the stream, in its order.
select device_id, id, patient_id, t, kind, severity, source, text_key, data, incarnation,
    stream_offset
from signal.event
where (incarnation, stream_offset) > ($1, $2) and (incarnation, stream_offset) <= ($6, $7)
    and (patient_id = any($3::integer[]) or (patient_id = 0 and device_id = any($4::integer[])))
order by incarnation, stream_offset
limit $5;

-- name: newest_identities
-- Identities of the newest stored events up to a place in the stream, newest first.
select device_id, id from signal.event
where incarnation = $1 and stream_offset <= $2
order by stream_offset desc
limit $3;

-- name: newest_place
-- The newest place of the events stream whose rows are stored.
select incarnation, last_offset
from signal.stream_position
where stream = 'events'
order by incarnation desc
limit 1;

-- name: deployment
-- How many lanes there are, and which streams they are.
select lanes, incarnation from registry.deployment;
