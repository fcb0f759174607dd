-- Stored events of a patient whom access has let through: those of the patient, and those of a
-- device while the patient wore it.

-- name: events
-- Events of an interval, the newest first, behind a place in that order; each half by its index.
select e.t, e.id, e.kind, e.severity, e.text_key, e.data, e.source, d.device
from (
    (select v.*
    from signal.event v
    where v.patient_id = $1 and v.t >= $2 and v.t < $3
        and ($4::bigint is null or (v.t, v.id) < ($4, $5))
        and ($6::text[] is null or v.kind = any($6))
    order by v.t desc, v.id desc
    limit $7)
    union all
    (select v.*
    from registry.assignment g
    join signal.event v on v.device_id = g.device_id and v.patient_id = 0
        and v.t >= greatest($2, (extract(epoch from g.starts) * 1e6)::bigint)
        and v.t < least($3, coalesce((extract(epoch from g.ends) * 1e6)::bigint, $3))
    where g.patient_id = $1
        and ($4::bigint is null or (v.t, v.id) < ($4, $5))
        and ($6::text[] is null or v.kind = any($6))
    order by v.t desc, v.id desc
    limit $7)
) as e
left join registry.device d on d.id = e.device_id
order by e.t desc, e.id desc
limit $7;
