-- Forced breaths of a patient whom access has let through, and by what they are judged.

-- name: blows
-- Each number of the breaths of a time, the newest first. They are few among the values of a
-- patient, so the minutes that hold one are looked up; what is in no minute yet is read.
with minute as (
    select distinct t from signal.vital_minute
    where patient_id = $1 and measure = any($2::smallint[]) and t > $3::bigint - 60000000
        and t < least($4::bigint, (select done_to from signal.rollup_position))
)
select v.t, v.device_id, v.measure, v.method, v.value, v.quality, v.validity, v.flags
from minute as m, lateral (
    select t, device_id, measure, method, value, quality, validity, flags
    from signal.vital_value
    where patient_id = $1 and t >= greatest(m.t, $3) and t < least(m.t + 60000000, $4)
) as v
where v.measure = any($2) and v.value <> 'NaN'
union all
select t, device_id, measure, method, value, quality, validity, flags
from signal.vital_value
where patient_id = $1 and measure = any($2) and value <> 'NaN' and t < $4
    and t >= greatest($3, (select done_to from signal.rollup_position))
order by t desc, device_id, method, measure
limit $5;

-- name: blow_devices
-- Names of devices that gave them; worn then, whoever wears them now.
select id, device from registry.device where id = any($1::integer[]);

-- name: lung_person
-- Who the patient is, as far as lungs are concerned.
select birth_date, sex, profile -> 'spirometry' as reference from registry.patient where id = $1;

-- name: set_lung_reference
-- Writes height and group of a patient; the personal best, sex and birth date where they are given.
update registry.patient
set profile = jsonb_set(
        profile, '{spirometry}', coalesce(profile -> 'spirometry', '{}') || $2::jsonb),
    sex = coalesce($3::text, sex), birth_date = coalesce($4::date, birth_date)
where id = $1 and erased_at is null
returning birth_date, sex, profile -> 'spirometry' as reference;
