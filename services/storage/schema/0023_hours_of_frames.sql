-- What an hour of frames costs beside its rows. It is written from its beginning to its end, read
-- by device, and emptied as a whole some hours later:
-- - no query looks for times of all devices, and an index of them that only a vacuum would bring up
--   to date is read by nobody;
-- - a vacuum of what was only appended reads and writes every page once more, for nothing: the
--   hour is gone before it would help. Rows that were removed (an erasure) are vacuumed as ever;
-- - an hour that grows is looked at by the planner's statistics when it has doubled, not each
--   minute.

drop index signal.frame_t0;

create function signal.tune_hour(part regclass) returns void
language plpgsql
set search_path = pg_catalog
as $$
begin
    execute format('alter table %s set (autovacuum_vacuum_insert_threshold = -1,
        autovacuum_analyze_threshold = 100000, autovacuum_analyze_scale_factor = 1)', part);
end
$$;
comment on function signal.tune_hour is
    'Settings of one partition of frame: a partitioned table has none that its parts would take';
revoke execute on function signal.tune_hour from public;

create or replace function signal.ensure_partitions(parent text, starts_us bigint[])
returns integer
language plpgsql
security definer
set search_path = pg_catalog
set lock_timeout = '10s'
as $$
declare
    width constant bigint := signal.partition_width_us(parent);
    start_us bigint;
    part text;
    made integer := 0;
begin
    if width is null then
        raise exception 'signal.% has no partitions', parent using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtext('signal.ensure_partitions'), hashtext(parent));
    foreach start_us in array starts_us loop
        if start_us % width <> 0 or start_us < 0 or start_us > 32503680000000000 then
            raise exception 'no partition of signal.% starts at %', parent, start_us
                using errcode = 'invalid_parameter_value';
        end if;
        part := parent || '_' || to_char(
            to_timestamp(start_us / 1000000) at time zone 'UTC',
            case when width < 86400000000 then 'YYYYMMDDHH24' else 'YYYYMMDD' end);
        continue when to_regclass('signal.' || part) is not null;
        -- attaching takes a lock that lets writers go on, "create ... partition of" does not
        execute format('create table signal.%I (like signal.%I including all)', part, parent);
        if parent = 'frame' then
            perform signal.tune_hour(format('signal.%I', part)::regclass);
        end if;
        execute format('alter table signal.%I attach partition signal.%I for values from (%s) to (%s)',
            parent, part, start_us, start_us + width);
        made := made + 1;
    end loop;
    return made;
end
$$;

select signal.tune_hour(inhrelid) from pg_inherits where inhparent = 'signal.frame'::regclass;
