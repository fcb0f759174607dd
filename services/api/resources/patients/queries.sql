-- Patients whom access has let through.

-- name: patient_details
-- Who these patients are.
select id, name, birth_date, sex from registry.patient where id = any($1::integer[]);

-- name: device_presence
-- What the gateway heard last of these devices.
select device_id, online, battery_percent, seen_at
from gateway.presence
where device_id = any($1::integer[]);

-- name: recent_streams
-- The streams that these devices sent lately, each as it was sent last.
select distinct on (device_id, stream, place) device_id, stream, place, interval_ns, channels, t0
from signal.frame
where device_id = any($1::integer[]) and t0 >= $2 and t0 < $3
order by device_id, stream, place, t0 desc;


-- name: limits_in_force
-- The alarm limits that hold for these patients: the own ones, else those that the alarm rules use.
select coalesce(o.patient_id, f.patient_id) as patient_id, coalesce(o.measure, f.measure) as measure,
    case when o.measure is null then f.low else o.low end as low,
    case when o.measure is null then f.high else o.high end as high,
    case when o.measure is null then f.source else 'patient' end as source
from (select * from alarm.limit_in_force where patient_id = any($1::integer[]) and enabled) as f
full join (select * from registry.alarm_limit where patient_id = any($1::integer[])) as o
    on o.patient_id = f.patient_id and o.measure = f.measure
where o.measure is null or o.enabled
order by 1, 2;
