-- Stored samples of a patient whom access has let through: of each device only the time in which
-- the patient wore it.

-- name: sources
-- What could be shown of a stream in an interval: device, place and rate, with samples in seconds.
select f.device_id, d.device, d.model, f.place, f.interval_ns, f.channels,
    sum(length(f.samples)
        / case f.format when 1 then 2 else 4 end / f.channels) as n_samples
from registry.assignment g
join registry.device d on d.id = g.device_id
join signal.frame f on f.device_id = g.device_id
    and f.t0 >= greatest($3, (extract(epoch from g.starts) * 1e6)::bigint)
    and f.t0 < least($4, coalesce((extract(epoch from g.ends) * 1e6)::bigint, $4))
where g.patient_id = $1 and f.stream = $2 and f.interval_ns > 0
    and f.t0 >= $3 and f.t0 < $4
group by 1, 2, 3, 4, 5, 6
order by n_samples desc, f.device_id, f.place, f.interval_ns
limit 50;

-- name: frames
-- A page of frames of one source, in the order of time, behind a place in that order.
select f.t0, f.boot, f.n, f.part, f.interval_ns, f.channels, f.format, f.scale, f.add_offset,
    f.samples
from registry.assignment g
join signal.frame f on f.device_id = g.device_id
    and f.t0 >= greatest($5, (extract(epoch from g.starts) * 1e6)::bigint)
    and f.t0 < least($6, coalesce((extract(epoch from g.ends) * 1e6)::bigint, $6))
where g.patient_id = $1 and g.device_id = $2 and f.stream = $3 and f.place = $4
    and f.t0 >= $5 and f.t0 < $6 and f.interval_ns = $7 and f.channels = $8
order by f.t0, f.boot, f.n, f.part
limit $9;
