-- How sensors sit on their wearers, of a device that access has let through.

-- name: add_stance
-- The wearer of a device stood upright and still until now; no row where nobody wears it.
insert into registry.stance (device_id, patient_id, assignment_id, at_us, told_by)
select device_id, patient_id, id, (extract(epoch from now()) * 1e6)::bigint, $2
from registry.assignment
where device_id = $1 and starts <= now() and (ends is null or ends > now())
returning id;

-- name: take_back_stances
-- What was told while the device has been worn as now holds no longer, from a whole second so long
-- from now on. What was taken back before stays as it is.
update registry.stance s
set until_us = ceil(extract(epoch from now()) + $2::double precision)::bigint * 1000000,
    taken_back_by = $3
from registry.assignment a
where s.device_id = $1 and s.until_us is null
  and a.id = s.assignment_id and (a.ends is null or a.ends > now());

-- name: newest_stance
-- The newest stance of a device, and what its samples said.
select s.at_us, s.told_by, s.until_us, s.taken_back_by, d.from_us, d.chest, d.thigh, d.refusal,
    coalesce(a.ends <= now(), false) as ended,
    (extract(epoch from now()) * 1e6)::bigint as now_us
from registry.stance s
join registry.assignment a on a.id = s.assignment_id
left join dsp.stance d on d.stance_id = s.id
where s.device_id = $1
order by s.id desc
limit 1;
