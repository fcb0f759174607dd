-- Wards and beds. Who lies in them is decided by access, not here.

-- name: wards
-- The wards of these keys with their number of beds.
select w.key, w.name, count(b.id)::integer as beds
from registry.ward w
left join registry.bed b on b.ward_id = w.id
where w.key = any($1::text[])
group by w.id
order by w.key;

-- name: beds
-- The beds of a ward, in the order of their keys.
select b.key, b.label
from registry.ward w
join registry.bed b on b.ward_id = w.id
where w.key = $1
order by b.key;

-- name: patient_details
-- What a bed shows of these patients beside their initials.
select id, birth_date, sex from registry.patient where id = any($1::integer[]);

-- name: recent_streams
-- The streams that these devices sent lately.
select distinct device_id, stream
from signal.frame
where device_id = any($1::integer[]) and t0 >= $2 and t0 < $3;
