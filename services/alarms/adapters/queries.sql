-- name: read_lane
-- How often a lane was saved, and up to when its deadlines took effect; no row when it never was.
select saves, now_us from alarm.lane where lane = $1;

-- name: read_positions
-- From which offsets the streams of a lane are read on.
select stream, next_offset from alarm.position where incarnation = $1 and lane = $2;

-- name: read_memories
-- What the rules remember of all patients; the caller takes those of its lane.
select patient_id, state from alarm.watch order by patient_id;

-- name: read_outbox
-- What was decided for a lane and perhaps not told, in order.
select exchange, body from alarm.outbox where lane = $1 order by place;

-- name: count_save
-- Counts a save of a lane, if nobody else has saved it meanwhile: gives a row only then.
insert into alarm.lane as held (lane, saves, now_us) values ($1, 1, $3)
on conflict (lane) do update set saves = held.saves + 1, now_us = excluded.now_us
    where held.saves = $2
returning saves;

-- name: save_position
-- From which offset a stream is read on.
insert into alarm.position (incarnation, stream, lane, next_offset) values ($1, $2, $3, $4)
on conflict (incarnation, stream, lane)
    do update set next_offset = excluded.next_offset, saved_at = now();

-- name: save_memories
-- What the rules remember of patients, with the next deadline of each.
insert into alarm.watch (patient_id, state, due_us)
select patient.id, memory.state::jsonb, memory.due_us
from unnest($1::integer[], $2::text[], $3::bigint[]) as memory (patient_id, state, due_us)
join registry.patient on patient.id = memory.patient_id
order by patient.id
on conflict (patient_id) do update
    set state = excluded.state, due_us = excluded.due_us, saved_at = now();

-- name: save_alarm
-- An alarm as it is now; an older form never covers a newer one.
insert into alarm.alarm (
    patient_id, id, device_id, condition, kind, priority, state, revision, since_us, updated_us,
    ended_us, ended_because, acknowledged_by, data)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
on conflict (patient_id, id) do update
    set priority = excluded.priority, state = excluded.state, revision = excluded.revision,
        updated_us = excluded.updated_us, ended_us = excluded.ended_us,
        ended_because = excluded.ended_because, acknowledged_by = excluded.acknowledged_by,
        data = excluded.data
    where alarm.revision <= excluded.revision;

-- name: add_outbox
-- What is to be told, in order.
insert into alarm.outbox (patient_id, lane, exchange, message_id, body)
select patient_id, $1, exchange, message_id, body
from unnest($2::integer[], $3::text[], $4::text[], $5::bytea[]) with ordinality
    as told (patient_id, exchange, message_id, body, place)
order by place;

-- name: forget_outbox
-- All that was decided for a lane was told.
delete from alarm.outbox where lane = $1;

-- name: finish_actions
-- What became of the actions that were carried out.
update alarm.action
set done_us = $1, outcome = finished.outcome
from unnest($2::text[], $3::text[]) as finished (id, outcome)
where action.id = finished.id and action.done_us is null;

-- name: save_limit
-- A limit that the rules use now.
insert into alarm.limit_in_force (
    patient_id, measure, low, high, extreme_low, extreme_high, enabled, delay_s, source)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (patient_id, measure) do update
    set low = excluded.low, high = excluded.high, extreme_low = excluded.extreme_low,
        extreme_high = excluded.extreme_high, enabled = excluded.enabled,
        delay_s = excluded.delay_s, source = excluded.source, changed_at = now();

-- name: patient_of_alarm
-- Whose alarm it is.
select patient_id from alarm.alarm where id = $1;

-- name: keep_action
-- Keeps an action of a person, once by its id.
insert into alarm.action (id, patient_id, body, taken_us)
select $1, patient.id, $3, $4 from registry.patient where patient.id = $2
on conflict (id) do nothing;

-- name: read_action
-- Whether an action is kept, and whether it was carried out.
select patient_id, done_us from alarm.action where id = $1;

-- name: pending_actions
-- Kept actions that were not carried out, oldest first.
select id, patient_id, body from alarm.action where done_us is null order by taken_us, id
limit 1000;

-- name: registered_patients
-- Patients who have a device now, with the devices and since when.
select assignment.patient_id, patient.birth_date,
    (select bed.ward_id from registry.stay join registry.bed on bed.id = stay.bed_id
     where stay.patient_id = assignment.patient_id
         and tstzrange(stay.starts, stay.ends) @> now()) as ward_id,
    array_agg(assignment.device_id order by assignment.device_id) as devices,
    array_agg((extract(epoch from assignment.starts) * 1000000)::bigint
              order by assignment.device_id) as since_us,
    array_agg(device.model order by assignment.device_id) as models
from registry.assignment
join registry.device on device.id = assignment.device_id
join registry.patient on patient.id = assignment.patient_id
where tstzrange(assignment.starts, assignment.ends) @> now()
group by assignment.patient_id, patient.birth_date
order by assignment.patient_id;

-- name: limit_overrides
-- Limits that people have set, for the site, a ward or a patient.
select patient_id, ward_id, measure, low, high, enabled, delay_s, priority
from registry.alarm_limit order by id;
