-- name: read_deployment
-- The number of lanes and the incarnation of the streams.
select lanes, incarnation from registry.deployment;

-- name: choose_lanes
-- Sets the number of lanes of a deployment that has no streams yet.
update registry.deployment set lanes = $1, changed_at = now() where incarnation = 0;

-- name: begin_incarnation
-- Counts that the streams were made anew: saved offsets of the old ones say nothing about them.
update registry.deployment set incarnation = incarnation + 1, changed_at = now()
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
