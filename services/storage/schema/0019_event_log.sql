-- The event log: what people did, apart from what they read, and the indexes that it goes along.

create view audit.act as
select 'act.' || e.chain || '.' || e.n as id, e.at_us as t, e.action as kind,
    case e.outcome when 'refused' then 'low' else 'info' end as severity, 'api'::text as source,
    e.action as text_key, e.detail as data, e.actor, e.outcome, e.reason, e.patient_id, e.device_id
from audit.entry e
where left(e.action, 5) <> 'read_' and e.action not in ('watch', 'refresh')
    -- that somebody was let through to a patient is not yet what was done there
    and (e.outcome <> 'granted' or e.patient_id is null or e.device_id is not null
        or e.reason is not null or e.detail <> '{}');
comment on view audit.act is
    'What people did or tried, as the event log tells it; most entries are reads, which it leaves '
    'out';
grant select on audit.act to vw_api;

create index entry_act on audit.entry (at_us)
    where left(action, 5) <> 'read_' and action not in ('watch', 'refresh');
create index entry_act_patient on audit.entry (patient_id, at_us)
    where left(action, 5) <> 'read_' and action not in ('watch', 'refresh');
create index entry_act_device on audit.entry (device_id, at_us)
    where left(action, 5) <> 'read_' and action not in ('watch', 'refresh');
create index event_kind on signal.event (kind, severity, t) where patient_id = 0;
-- without it, the planner takes nearly all entries for acts, and the partial indexes for no better
create statistics audit.entry_reads on (left(action, 5)) from audit.entry;
