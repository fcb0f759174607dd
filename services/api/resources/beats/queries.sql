-- Stored beats of a patient whom access has let through: of each device only the time in which the
-- patient wore it. Quality 0 is a beat that a later revision has withdrawn.

-- name: beats
-- Beats and pulses of an interval, oldest first, behind a place in that order.
select b.t, d.device, b.device_id, b.kind, b.class, b.rr_ms, b.quality
from registry.assignment g
join registry.device d on d.id = g.device_id
join signal.beat b on b.device_id = g.device_id
    and b.t >= greatest($2, (extract(epoch from g.starts) * 1e6)::bigint)
    and b.t < least($3, coalesce((extract(epoch from g.ends) * 1e6)::bigint, $3))
where g.patient_id = $1 and b.t >= $2 and b.t < $3 and b.quality > 0
    and ($4::bigint is null or (b.t, b.device_id, b.kind) > ($4, $5::integer, $6::smallint))
    and ($7::text is null or d.device = $7) and ($8::smallint is null or b.kind = $8)
order by b.t, b.device_id, b.kind
limit $9;
