-- What is stored of a patient whom access has let through, for files, a window of time at once.

-- name: marks
-- Beats of one device and kind for the annotations of a recording.
select t, class
from signal.beat
where device_id = $1 and kind = $2 and t >= $3 and t < $4 and quality > 0
order by t;

-- name: vital_values
-- Each value of some measures; of all when none is named.
select v.t, v.measure, v.method, d.device, v.value, v.quality, v.validity, v.flags, v.revision
from signal.vital_value v
left join registry.device d on d.id = v.device_id
where v.patient_id = $1 and v.t >= $2 and v.t < $3
    and ($4::smallint[] is null or v.measure = any($4))
order by v.t, v.measure, v.method, v.device_id;

-- name: vital_minutes
-- Minutes of some measures.
select v.t, v.measure, v.method, d.device, v.n, v.n_questionable, v.low, v.mean, v.high,
    v.quality, v.flags
from signal.vital_minute v
left join registry.device d on d.id = v.device_id
where v.patient_id = $1 and v.t >= $2 and v.t < $3
    and ($4::smallint[] is null or v.measure = any($4))
order by v.t, v.measure, v.method, v.device_id;

-- name: vital_hours
-- Hours of some measures.
select v.t, v.measure, v.method, d.device, v.n, v.n_questionable, v.low, v.mean, v.high,
    v.quality, v.flags
from signal.vital_hour v
left join registry.device d on d.id = v.device_id
where v.patient_id = $1 and v.t >= $2 and v.t < $3
    and ($4::smallint[] is null or v.measure = any($4))
order by v.t, v.measure, v.method, v.device_id;

-- name: beats
-- Beats and pulses while the patient wore the device.
select b.t, d.device, b.kind, b.class, b.rr_ms, b.quality
from registry.assignment g
join registry.device d on d.id = g.device_id
join signal.beat b on b.device_id = g.device_id
    and b.t >= greatest($2, (extract(epoch from g.starts) * 1e6)::bigint)
    and b.t < least($3, coalesce((extract(epoch from g.ends) * 1e6)::bigint, $3))
where g.patient_id = $1 and b.t >= $2 and b.t < $3 and b.quality > 0
order by b.t, b.device_id, b.kind;

-- name: events
-- Events of the patient, and those of a device while the patient wore it.
select e.t, e.id, e.kind, e.severity, e.source, e.text_key, e.data, d.device
from signal.event e
left join registry.device d on d.id = e.device_id
where e.t >= $2 and e.t < $3
    and (e.patient_id = $1 or (e.patient_id = 0 and exists (
        select from registry.assignment g
        where g.patient_id = $1 and g.device_id = e.device_id
            and g.starts <= to_timestamp(e.t / 1e6)
            and (g.ends is null or g.ends > to_timestamp(e.t / 1e6)))))
order by e.t, e.id;
