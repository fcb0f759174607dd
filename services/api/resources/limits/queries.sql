-- Alarm limits of a patient whom access has let through.

-- name: limits_in_force
-- The limits that the alarm rules use for a patient now.
select measure, low, high, enabled, delay_s, source
from alarm.limit_in_force
where patient_id = $1
order by measure;

-- name: own_limits
-- The limits that people set for this patient.
select measure, low, high, enabled, delay_s, reason, version, changed_by, changed_at
from registry.alarm_limit
where patient_id = $1
order by measure;

-- name: lock_patient
-- Lets one change of a patient's limits through at a time.
select pg_advisory_xact_lock(hashtext('registry.alarm_limit'), $1);

-- name: put_limit
-- Sets the limits of one measure for a patient; what is the same stays as it is.
insert into registry.alarm_limit
    (patient_id, measure, low, high, enabled, delay_s, reason, changed_by)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (coalesce(patient_id, 0), coalesce(ward_id, 0), measure) do update
set low = excluded.low, high = excluded.high, enabled = excluded.enabled,
    delay_s = excluded.delay_s, reason = excluded.reason, changed_by = excluded.changed_by,
    changed_at = now(), version = registry.alarm_limit.version + 1
where (registry.alarm_limit.low, registry.alarm_limit.high, registry.alarm_limit.enabled,
    registry.alarm_limit.delay_s, registry.alarm_limit.reason)
    is distinct from (excluded.low, excluded.high, excluded.enabled, excluded.delay_s,
    excluded.reason);

-- name: remove_other_limits
-- Takes back the limits of a patient for all measures but these.
delete from registry.alarm_limit where patient_id = $1 and not (measure = any($2::text[]));
