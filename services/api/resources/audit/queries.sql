-- The audit trail, for who may read all of it.

-- name: entries
-- Entries of an interval, the newest first, behind a place in that order.
select e.chain, e.n, e.at_us, e.actor, e.action, e.resource, e.outcome, e.reason, e.origin,
    e.request_id, e.detail, p.key as patient, d.device
from audit.entry e
left join registry.patient p on p.id = e.patient_id
left join registry.device d on d.id = e.device_id
where e.at_us >= $1 and e.at_us < $2
    and ($3::text is null or p.key = $3) and ($4::text is null or e.actor = $4)
    and ($5::bigint is null or (e.at_us, e.chain, e.n) < ($5, $6, $7))
order by e.at_us desc, e.chain desc, e.n desc
limit $8;
