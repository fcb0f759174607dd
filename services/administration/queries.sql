-- name: read_deployment
-- The number of lanes and the incarnation of the streams.
select lanes, incarnation from registry.deployment;

-- name: choose_lanes
-- Sets the number of lanes of a deployment that has no streams yet.
update registry.deployment set lanes = $1, changed_at = now() where incarnation = 0;

-- name: begin_incarnation
-- Counts that the streams were made anew: saved offsets of the old ones say nothing about them.
update registry.deployment set changed_at = now(), incarnation =
    1 + greatest(incarnation, (select max(to_incarnation) from registry.lane_change))
returning incarnation;

-- name: take_stock
-- What a backup holds, and the snapshot that it is taken of: all of one moment.
select
    pg_export_snapshot() as snapshot,
    (select max(number) from migration.applied) as migration,
    d.lanes,
    d.incarnation,
    (
        select coalesce(json_object_agg(stream, last_offset), '{}')
        from signal.stream_position p where p.incarnation = d.incarnation
    ) as positions,
    (select count(*) from registry.device) as devices,
    (select count(*) from registry.patient) as patients,
    (select count(*) from registry.assignment) as assignments,
    (select count(*) from access.account) as accounts,
    (select count(*) from audit.entry) as audit_entries
from registry.deployment d;

-- name: count_again
-- The rows that a backup counted, for comparison.
select
    (select count(*) from registry.device) as devices,
    (select count(*) from registry.patient) as patients,
    (select count(*) from registry.assignment) as assignments,
    (select count(*) from access.account) as accounts,
    (select count(*) from audit.entry) as audit_entries;

-- name: our_schemas
-- How many of our schemas there are: none in a database that can be restored into.
select count(*) from pg_namespace
where nspname in ('registry', 'access', 'gateway', 'signal', 'dsp', 'alarm', 'audit', 'migration');

-- name: missing_roles
-- Roles that must be there before their rights can be given.
select name from unnest($1::text[]) as name
where not exists (select from pg_roles where rolname = name) order by name;

-- name: other_sessions
-- Which services are connected.
select distinct application_name from pg_stat_activity
where datname = current_database() and usename like 'vw\_%' and usename <> current_user
order by application_name;

-- name: skip_identities
-- Leaves a gap in the numbers of patients, devices and accounts: what was made after the backup is
-- gone, but batches in the streams still carry its numbers, which nobody else may get.
select setval(
    format('%I.%I', schemaname, sequencename)::regclass, coalesce(last_value, 0) + $1::bigint
)
from pg_sequences
where schemaname in ('registry', 'access') and data_type <> 'smallint'::regtype;

-- name: bar_the_public
-- A right of the database itself, which a dump of its content does not carry.
do $$
begin
    execute format('revoke create, temporary on database %I from public', current_database());
end
$$;

-- name: adopt_streams
-- Takes the streams as they are: they were made after the backup.
update registry.deployment set lanes = $1, incarnation = $2, changed_at = now();

-- name: verify_audit
-- What is broken in the chains of the audit trail; no row = all is whole.
select chain, n, what from audit.verify() order by chain, n, what;

-- name: claim_lanes
-- Whether this session is the one that changes the lanes, as long as it lives.
select pg_try_advisory_lock(hashtext('vitalwire.lanes'), 0);

-- name: open_change
-- The change of the lanes that has not ended, if there is one.
select id, from_lanes, from_incarnation, to_lanes, to_incarnation, phase, asked_by,
    hold_until > clock_timestamp() as holds
from registry.lane_change where ended_at is null;

-- name: begin_change
-- Begins a change, under an incarnation that no other change has ever had.
insert into registry.lane_change (from_lanes, from_incarnation, to_lanes, to_incarnation,
    hold_until, asked_by)
select d.lanes, d.incarnation, $1,
    1 + greatest(d.incarnation, (select max(to_incarnation) from registry.lane_change)),
    clock_timestamp() + make_interval(secs => $2), $3
from registry.deployment d
returning id, from_lanes, from_incarnation, to_lanes, to_incarnation, phase, asked_by,
    true as holds;

-- name: hold_on
-- Holds a change for some seconds more; no row where the hold was over.
update registry.lane_change set hold_until = clock_timestamp() + make_interval(secs => $2)
where id = $1 and ended_at is null and hold_until > clock_timestamp();

-- name: next_phase
-- Lets the next services leave their lanes; no row where the hold was over.
update registry.lane_change set phase = $2
where id = $1 and ended_at is null and hold_until > clock_timestamp();

-- name: give_up_change
-- Gives a change up that is not switched: everybody goes on as before.
update registry.lane_change set phase = 'given_up', ended_at = clock_timestamp()
where id = $1 and ended_at is null and phase <> 'switched';

-- name: end_change
-- Ends a change of which nothing is left to do.
update registry.lane_change set phase = 'done', ended_at = clock_timestamp()
where id = $1 and phase = 'switched';

-- name: lanes_left
-- How many lanes each service has left for a change.
select service, count(*) as n from registry.lane_left where change_id = $1 group by service;

-- name: stored_offsets
-- Up to where storage has the streams of an incarnation.
select stream, last_offset from signal.stream_position where incarnation = $1;

-- name: computed_offsets
-- Up to where dsp has computed or noted the streams of an incarnation.
select stream, given_offset as last_offset from dsp.position where incarnation = $1;

-- name: judged_offsets
-- Up to where alarms has judged the values of an incarnation.
select stream, min(next_offset) - 1 as last_offset
from alarm.position where incarnation = $1 group by stream;

-- name: untold_alarms
-- How many announcements of alarms are not confirmed.
select count(*) from alarm.outbox;

-- name: switch_change
-- Notes that a change is switched, while it holds; no row where it does not.
update registry.lane_change set phase = 'switched', switched_at = clock_timestamp()
where id = $1 and phase = 'writing' and hold_until > clock_timestamp();

-- name: switch_deployment
-- The number of lanes from now on.
update registry.deployment set lanes = $2, incarnation = $3, changed_at = now()
where incarnation = $1;

-- name: carry_stored
-- Storage goes on in the streams that stay where it was.
insert into signal.stream_position (incarnation, stream, last_offset)
select $2, stream, last_offset from signal.stream_position
where incarnation = $1 and stream = any($3::text[]);

-- name: carry_computed
-- dsp goes on behind what it has computed, with empty windows.
insert into dsp.position (incarnation, stream, replay_offset, given_offset, watermark_us)
select $2, stream, given_offset + 1, given_offset, watermark_us from dsp.position
where incarnation = $1 and stream = any($3::text[]);

-- name: carry_judged_values
-- Alarms goes on in the values of the lanes that stay.
insert into alarm.position (incarnation, stream, lane, next_offset)
select $2, stream, lane, next_offset from alarm.position
where incarnation = $1 and stream = any($3::text[]);

-- name: carry_judged_events
-- Each lane goes on in the events, which all lanes read, where the slowest one was.
insert into alarm.position (incarnation, stream, lane, next_offset)
select $2, 'events', lane, (
    select min(next_offset) from alarm.position where incarnation = $1 and stream = 'events')
from generate_series(0, $4::integer - 1) as lane
where (
    select count(*) from alarm.position where incarnation = $1 and stream = 'events') >= $3::integer;

-- name: carry_alarm_time
-- The new lanes of alarms live in the earliest time of the old ones, and nobody who still holds an
-- old one can save it.
with before as (delete from alarm.lane returning saves, now_us)
select coalesce(max(saves), 0) + 1 as saves, coalesce(min(now_us), 0) as now_us from before;

-- name: put_alarm_lanes
-- The new lanes of alarms.
insert into alarm.lane (lane, saves, now_us)
select lane, $2, $3 from generate_series(0, $1::integer - 1) as lane;

-- name: carry_late
-- Late data is worked in by the new lane of its device.
update dsp.late_interval l set lane = d.shard * $1::integer / 256
from registry.device d where d.id = l.device_id;

-- name: shard_of_device
-- In which shard a device is.
select shard from registry.device where id = $1;

-- name: may_change_lanes
-- Whether this role may change the lanes.
select has_table_privilege('registry.lane_change', 'insert')
    and has_table_privilege('registry.deployment', 'update');
