-- Stored vital signs of a patient whom access has let through.

-- name: rolled_up
-- Up to when minutes and hours are made; what is later is read from the values.
select done_to from signal.rollup_position;

-- name: values
-- Each value of a measure, oldest first.
select t, device_id, method, value, quality, validity, flags
from signal.vital_value
where patient_id = $1 and measure = $2 and t >= $3 and t < $4
    and ($5::text is null or device_id = (select id from registry.device where device = $5))
    and ($6::smallint is null or method = $6)
order by t, method, device_id
limit $7;

-- name: bucket_values
-- The values of a measure in buckets of equal length, one row a bucket, device and method. A number
-- is what was valid or questionable, as in the minutes. Of codes the value is the most frequent.
select t / $5 * $5 as t, device_id, method,
    case when signal.is_code($2) then signal.most_of_codes(
        signal.codes_of(array_agg(value) filter (where counts)))
    else avg(value) filter (where counts) end as value,
    min(value) filter (where counts) as least,
    max(value) filter (where counts) as greatest,
    (count(*) filter (where counts))::integer as n,
    (count(*) filter (where counts and validity = 1))::integer as n_questionable,
    avg(quality) filter (where counts) as quality,
    bit_or(flags) as flags,
    case when signal.is_code($2) then
        signal.codes_of(array_agg(value) filter (where counts)) end as codes
from (
    select t, device_id, method, value, quality, validity, flags,
        value <> 'NaN' and validity <= 1 as counts
    from signal.vital_value
    where patient_id = $1 and measure = $2 and t >= $3 and t < $4
        and ($6::text is null or device_id = (select id from registry.device where device = $6))
        and ($7::smallint is null or method = $7)
) as v
group by 1, 2, 3;

-- name: bucket_minutes
-- The minutes of a measure in buckets of whole minutes.
select t / $5 * $5 as t, device_id, method,
    case when signal.is_code($2) then signal.most_of_codes(signal.codes_together(
        array_agg(codes) filter (where codes is not null)))
    else sum(mean * n) / nullif(sum(n), 0) end as value,
    min(low) as least, max(high) as greatest, sum(n)::integer as n,
    sum(n_questionable)::integer as n_questionable,
    sum(quality * n) / nullif(sum(n), 0) as quality, bit_or(flags) as flags,
    signal.codes_together(array_agg(codes) filter (where codes is not null)) as codes
from signal.vital_minute
where patient_id = $1 and measure = $2 and t >= $3 and t < $4
    and ($6::text is null or device_id = (select id from registry.device where device = $6))
    and ($7::smallint is null or method = $7)
group by 1, 2, 3;

-- name: bucket_hours
-- The hours of a measure in buckets of whole hours.
select t / $5 * $5 as t, device_id, method,
    case when signal.is_code($2) then signal.most_of_codes(signal.codes_together(
        array_agg(codes) filter (where codes is not null)))
    else sum(mean * n) / nullif(sum(n), 0) end as value,
    min(low) as least, max(high) as greatest, sum(n)::integer as n,
    sum(n_questionable)::integer as n_questionable,
    sum(quality * n) / nullif(sum(n), 0) as quality, bit_or(flags) as flags,
    signal.codes_together(array_agg(codes) filter (where codes is not null)) as codes
from signal.vital_hour
where patient_id = $1 and measure = $2 and t >= $3 and t < $4
    and ($6::text is null or device_id = (select id from registry.device where device = $6))
    and ($7::smallint is null or method = $7)
group by 1, 2, 3;

-- name: device_names
-- Names of devices that gave what is answered; worn then, whoever wears them now.
select id, device from registry.device where id = any($1::integer[]);
