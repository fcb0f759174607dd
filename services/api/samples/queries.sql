-- Stored samples of devices for the time in which a patient wore them, whom access has let through:
-- frames of the newest hours in signal.frame, older ones in signal.block. Who asks for both does so
-- in one statement, or for frames first and blocks second: what is moved in between is met twice
-- and dropped, never missed.

-- name: sources
-- What there is of a stream: of which device that the patient wore, place, interval and channels,
-- from when to when, in frames or in blocks. A frame reaches a minute behind its beginning at most,
-- a block a minute behind its minute.
with worn as materialized (
    select g.device_id, d.device, d.model,
        greatest($2::bigint, (extract(epoch from g.starts) * 1e6)::bigint) as start_us,
        least($3::bigint, coalesce((extract(epoch from g.ends) * 1e6)::bigint, $3)) as end_us
    from registry.assignment g
    join registry.device d on d.id = g.device_id
    where g.patient_id = $1
        and (extract(epoch from g.starts) * 1e6)::bigint < $3
        and coalesce((extract(epoch from g.ends) * 1e6)::bigint, $3) > $2
    order by start_us, g.device_id
    limit 500)
select w.device_id, w.device, w.model, w.start_us, w.end_us, true as is_hot, f.place,
    f.interval_ns, f.channels, min(f.t0) as first_us, max(f.t0) as last_us,
    sum(length(f.samples) / case f.format when 1 then 2 else 4 end / f.channels)::bigint
        as n_samples
from worn w
join signal.frame f on f.device_id = w.device_id
    and f.t0 >= w.start_us - 60000000 and f.t0 < w.end_us
where f.stream = $4 and f.interval_ns > 0 and f.t0 >= $2 - 60000000 and f.t0 < $3
    and f.t0 + length(f.samples) / case f.format when 1 then 2 else 4 end / f.channels
        * f.interval_ns / 1000 > w.start_us
group by 1, 2, 3, 4, 5, 7, 8, 9
union all
select w.device_id, w.device, w.model, w.start_us, w.end_us, false, b.place, b.interval_ns,
    b.channels, min(b.first_us), max(b.end_us), sum(b.n_samples)::bigint
from worn w
join signal.block b on b.device_id = w.device_id
    and b.t0 >= w.start_us - 120000000 and b.t0 < w.end_us
where b.stream = $4 and b.interval_ns > 0 and b.t0 >= $2 - 120000000 and b.t0 < $3
    and b.end_us > w.start_us and b.first_us < w.end_us
group by 1, 2, 3, 4, 5, 7, 8, 9;

-- name: frames
-- Frames of one device, stream and place that begin in an interval, each column as its values in
-- network order one behind the other: an hour is one row, not 3,600 that are sent one by one.
select count(*) as n_frames,
    string_agg(int8send(t0), '') as t0,
    string_agg(int8send(boot), '') as boot,
    string_agg(int8send(n), '') as n,
    string_agg(int2send(part), '') as part,
    string_agg(int8send(interval_ns), '') as interval_ns,
    string_agg(int2send(channels), '') as channels,
    string_agg(int2send(format), '') as format,
    string_agg(float4send(scale), '') as scale,
    string_agg(float4send(add_offset), '') as add_offset,
    string_agg(int4send(length(samples)), '') as size,
    string_agg(samples, '') as samples
from signal.frame
where device_id = $1 and stream = $2 and place = $3 and t0 >= $4 and t0 < $5;

-- name: frames_and_blocks
-- Both `frames` and `blocks`.
select f.*, b.t0s, b.contents
from (
    select count(*) as n_frames,
        string_agg(int8send(t0), '') as t0,
        string_agg(int8send(boot), '') as boot,
        string_agg(int8send(n), '') as n,
        string_agg(int2send(part), '') as part,
        string_agg(int8send(interval_ns), '') as interval_ns,
        string_agg(int2send(channels), '') as channels,
        string_agg(int2send(format), '') as format,
        string_agg(float4send(scale), '') as scale,
        string_agg(float4send(add_offset), '') as add_offset,
        string_agg(int4send(length(samples)), '') as size,
        string_agg(samples, '') as samples
    from signal.frame
    where device_id = $1 and stream = $2 and place = $3 and t0 >= $4 and t0 < $5
) as f
cross join (
    select array_agg(t0) as t0s, array_agg(content) as contents
    from signal.block
    where device_id = $1 and stream = $2 and place = $3 and t0 >= $4 and t0 < $5
) as b;

-- name: blocks
-- Blocks of one device, stream and place whose minutes begin in an interval.
select array_agg(t0) as t0s, array_agg(content) as contents
from signal.block
where device_id = $1 and stream = $2 and place = $3 and t0 >= $4 and t0 < $5;

-- name: minutes
-- The extremes of blocks; those that reach beyond an interval are given whole, to be cut.
select t0, low, high,
    case when first_us < $6 or end_us > $7 then content end as content
from signal.block
where device_id = $1 and stream = $2 and place = $3 and t0 >= $4 and t0 < $5
order by t0;
