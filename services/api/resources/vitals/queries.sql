-- Stored vital signs of a patient whom access has let through.

-- name: values
-- Each value of a measure, oldest first.
select t, device_id, method, value, quality, validity, flags
from signal.vital_value
where patient_id = $1 and measure = $2 and t >= $3 and t < $4
order by t, method, device_id
limit $5;

-- name: buckets
-- A measure in buckets of equal length, one row a bucket, device and method. A bucket is as
-- doubtful as the most doubtful number in it.
select t / $5 * $5 as t, device_id, method,
    avg(value) filter (where present) as value,
    min(value) filter (where present) as least,
    max(value) filter (where present) as greatest,
    (count(*) filter (where present))::integer as n,
    avg(quality) filter (where present) as quality,
    max(validity) filter (where present) as validity,
    bit_or(flags) as flags
from (
    select *, value <> 'NaN' and validity <> 3 as present
    from signal.vital_value
    where patient_id = $1 and measure = $2 and t >= $3 and t < $4
) as v
group by 1, 2, 3
order by 1, 3, 2;
