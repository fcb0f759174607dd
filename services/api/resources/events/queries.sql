-- Stored events of a patient whom access has let through: those of the patient, and those of a
-- device while the patient wore it.

-- name: events
-- Events of an interval, the newest first, behind a place in that order.
select e.t, e.id, e.kind, e.severity, e.text_key, e.data, e.source, d.device
from signal.event e
left join registry.device d on d.id = e.device_id
where e.t >= $2 and e.t < $3
    and (e.patient_id = $1 or (e.patient_id = 0 and exists (
        select from registry.assignment g
        where g.patient_id = $1 and g.device_id = e.device_id
            and g.starts <= to_timestamp(e.t / 1e6)
            and (g.ends is null or g.ends > to_timestamp(e.t / 1e6)))))
    and ($4::bigint is null or (e.t, e.id) < ($4, $5))
order by e.t desc, e.id desc
limit $6;
