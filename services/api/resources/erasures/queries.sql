-- Orders to erase patients, by administrators, who see no clinical data.

-- name: patient_to_erase
-- The patient of a key.
select id from registry.patient where key = $1;

-- name: order_erasure
-- Orders the erasure of a patient; once.
insert into registry.erasure_request (patient_id, reason, requested_by) values ($1, $2, $3)
on conflict (patient_id) do nothing;

-- name: erasures
-- Orders with how far they are, the newest first.
select p.key, r.id, r.reason, r.requested_by, r.requested_at,
    coalesce(e.state, 'ordered') as state, e.done_at, e.certificate, e.certificate_sha256
from registry.erasure_request r
join registry.patient p on p.id = r.patient_id
left join signal.erasure e on e.request_id = r.id
where ($1::text is null or p.key = $1)
order by r.id desc
limit 1000;
