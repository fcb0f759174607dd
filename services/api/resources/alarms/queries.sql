-- Alarms of patients whom access has let through. Written by the alarms service alone.

-- name: alarms
-- Alarms of these patients, the newest onset first, behind a place in that order; in a time those
-- that stood in it.
select id, patient_id, state, since_us, data
from alarm.alarm
where patient_id = any($1::integer[]) and ($2 or state <> 'ended')
    and ($3::bigint is null or (since_us, id) < ($3, $4))
    and ($5::bigint is null or ended_us is null or ended_us >= $5)
    and ($6::bigint is null or since_us < $6)
    and ($7::text is null or priority = $7)
order by since_us desc, id desc
limit $8;

-- name: alarm
-- One alarm, if it is of one of these patients.
select id, patient_id, state, since_us, data
from alarm.alarm
where id = $1 and patient_id = any($2::integer[]);

-- name: find_alarm_patient
-- The patient of an alarm, whoever asks: for the audit of who asked in vain.
select patient_id from alarm.alarm where id = $1;

-- name: actions
-- What became of these actions.
select id, outcome from alarm.action where id = any($1::text[]) and done_us is not null;
