-- The event log: stored events and what people did, for patients and devices that access has let
-- through. Every branch goes along an index and stops after a page; a branch that is not for this
-- reader has no patients, no kinds or no right, and is not entered.

-- name: log
-- Rows of an interval, the newest first, behind a place in that order.
-- $1 patients of a reader who cares, $2 from, $3 to, just behind the place where there is one,
-- $4 and $5 the place, $6 kinds of event, $7 actions, $8 whether the reader manages devices, $9
-- whether also all acts and the system,
-- $10 severities, $11 service, $12 device, $13 user, $14 rows.
select e.is_act, e.id, e.t, e.kind, e.severity, e.source, e.text_key, e.data, e.actor, e.outcome,
    e.reason, e.patient_id, p.key as patient, d.device, a.username, a.display_name,
    c.id is not null as is_command, c.name as command_name, c.args, c.requested_by,
    g.id is not null as is_taken, g.sent_at, g.outcome as command_outcome, g.detail,
    c.expires_at <= now() as is_over
from (
    -- events of patients
    (select v.*
    from unnest($1::integer[]) as seen (patient_id)
    cross join lateral (
        select false as is_act, v.id, v.t, v.kind, v.severity, v.source, v.text_key, v.data,
            null::text as actor, null::text as outcome, null::text as reason, v.patient_id,
            v.device_id
        from signal.event v
        where v.patient_id = seen.patient_id and v.t >= $2 and v.t < $3
            and ($4::bigint is null or (v.t, v.id) < ($4, $5::text))
            and v.kind = any($6::text[]) and ($10::text[] is null or v.severity = any($10))
            and ($11::text is null or v.source = $11)
            and ($12::integer is null or v.device_id = $12) and $13::text is null
        order by v.t desc, v.id desc
        limit $14) v)
    union all
    -- events of devices while they were worn
    (select v.*
    from registry.assignment w
    cross join lateral (
        select false, v.id, v.t, v.kind, v.severity, v.source, v.text_key, v.data,
            null::text, null::text, null::text, w.patient_id, v.device_id
        from signal.event v
        where v.device_id = w.device_id and v.patient_id = 0
            and v.t >= greatest($2, (extract(epoch from w.starts) * 1e6)::bigint)
            and v.t < least($3, coalesce((extract(epoch from w.ends) * 1e6)::bigint, $3))
            and ($4::bigint is null or (v.t, v.id) < ($4, $5::text))
            and v.kind = any($6::text[]) and ($10::text[] is null or v.severity = any($10))
            and ($11::text is null or v.source = $11) and $13::text is null
        order by v.t desc, v.id desc
        limit $14) v
    where w.patient_id = any($1::integer[]) and ($12::integer is null or w.device_id = $12)
        and w.starts < to_timestamp($3 / 1e6)
        and (w.ends is null or w.ends > to_timestamp($2 / 1e6)))
    union all
    -- events of any device and of the system
    (select v.*
    from unnest($6::text[]) as wanted (kind)
    cross join unnest(coalesce($10::text[], '{info,low,medium,high}')) as matter (severity)
    cross join lateral (
        select false, v.id, v.t, v.kind, v.severity, v.source, v.text_key, v.data,
            null::text, null::text, null::text, 0, v.device_id
        from signal.event v
        where v.kind = wanted.kind and v.severity = matter.severity and v.patient_id = 0
            and (v.device_id <> 0 or $9::boolean) and v.t >= $2 and v.t < $3
            and ($4::bigint is null or (v.t, v.id) < ($4, $5::text))
            and ($11::text is null or v.source = $11)
        order by v.t desc, v.id desc
        limit $14) v
    where $8::boolean and $12::integer is null and $13::text is null)
    union all
    -- events of one device
    (select false, v.id, v.t, v.kind, v.severity, v.source, v.text_key, v.data,
        null::text, null::text, null::text, 0, v.device_id
    from signal.event v
    where $8::boolean and $13::text is null and v.device_id = $12 and v.patient_id = 0
        and v.t >= $2 and v.t < $3
        and ($4::bigint is null or (v.t, v.id) < ($4, $5::text))
        and v.kind = any($6::text[]) and ($10::text[] is null or v.severity = any($10))
        and ($11::text is null or v.source = $11)
    order by v.t desc, v.id desc
    limit $14)
    union all
    -- acts on patients
    (select v.*
    from unnest($1::integer[]) as seen (patient_id)
    cross join lateral (
        select true, v.id, v.t, v.kind, v.severity, v.source, v.text_key, v.data, v.actor,
            v.outcome, v.reason, v.patient_id, v.device_id
        from audit.act v
        where v.patient_id = seen.patient_id and v.t >= $2 and v.t < $3
            and ($4::bigint is null or (v.t, v.id) < ($4, $5::text))
            and v.outcome = 'granted' and v.kind = any($7::text[])
            and ($10::text[] is null or v.severity = any($10))
            and ($11::text is null or v.source = $11)
            and ($12::integer is null or v.device_id = $12)
            and ($13::text is null or v.actor = $13)
        order by v.t desc, v.id desc
        limit $14) v)
    union all
    -- acts of others on devices while they were worn
    (select v.*
    from registry.assignment w
    cross join lateral (
        select true, v.id, v.t, v.kind, v.severity, v.source, v.text_key, v.data, v.actor,
            v.outcome, v.reason, w.patient_id, v.device_id
        from audit.act v
        where v.device_id = w.device_id and v.patient_id is null
            and v.t >= greatest($2, (extract(epoch from w.starts) * 1e6)::bigint)
            and v.t < least($3, coalesce((extract(epoch from w.ends) * 1e6)::bigint, $3))
            and ($4::bigint is null or (v.t, v.id) < ($4, $5::text))
            and v.outcome = 'granted' and v.kind = any($7::text[])
            and ($10::text[] is null or v.severity = any($10))
            and ($11::text is null or v.source = $11)
            and ($13::text is null or v.actor = $13)
        order by v.t desc, v.id desc
        limit $14) v
    where w.patient_id = any($1::integer[]) and ($12::integer is null or w.device_id = $12)
        and w.starts < to_timestamp($3 / 1e6)
        and (w.ends is null or w.ends > to_timestamp($2 / 1e6)))
    union all
    -- acts on any device; all acts for who reads the audit trail
    (select true, v.id, v.t, v.kind, v.severity, v.source, v.text_key, v.data, v.actor,
        v.outcome, v.reason, case when $9::boolean then v.patient_id end, v.device_id
    from audit.act v
    where $8::boolean and cardinality($7::text[]) > 0 and $12::integer is null
        and v.t >= $2 and v.t < $3
        and ($4::bigint is null or (v.t, v.id) < ($4, $5::text))
        and ($9::boolean or (v.device_id is not null and v.outcome = 'granted'))
        and v.kind = any($7::text[]) and ($10::text[] is null or v.severity = any($10))
        and ($11::text is null or v.source = $11) and ($13::text is null or v.actor = $13)
    order by v.t desc, v.id desc
    limit $14)
    union all
    -- acts on one device
    (select true, v.id, v.t, v.kind, v.severity, v.source, v.text_key, v.data, v.actor,
        v.outcome, v.reason, case when $9::boolean then v.patient_id end, v.device_id
    from audit.act v
    where $8::boolean and v.device_id = $12 and v.t >= $2 and v.t < $3
        and ($4::bigint is null or (v.t, v.id) < ($4, $5::text))
        and ($9::boolean or v.outcome = 'granted')
        and v.kind = any($7::text[]) and ($10::text[] is null or v.severity = any($10))
        and ($11::text is null or v.source = $11) and ($13::text is null or v.actor = $13)
    order by v.t desc, v.id desc
    limit $14)
    order by t desc, id desc
    limit $14
) as e
left join registry.device d on d.id = e.device_id
left join registry.patient p on p.id = e.patient_id
left join registry.command c on e.kind in ('command_device', 'command_finished')
    and c.device_id = e.device_id
    and c.id = case when e.data ->> 'command' ~ '^[0-9a-f-]{36}$'
        then (e.data ->> 'command')::uuid end
left join gateway.command g on g.id = c.id
left join access.account a on a.username = coalesce(e.actor, c.requested_by)
order by e.t desc, e.id desc;
