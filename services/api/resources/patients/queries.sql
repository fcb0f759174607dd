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

