-- Long-term storage: compressed minutes of samples in place of old frames, minutes and hours of
-- vital signs, what retention and erasure need. Written by storage, but for registry (api).

-------------------------------------------------------------------------------------- blocks

create table signal.block (
    device_id integer not null,
    stream smallint not null,
    place smallint not null,
    t0 bigint not null,
    first_us bigint not null,
    end_us bigint not null,
    n_frames integer not null,
    n_samples bigint not null,
    interval_ns bigint not null,
    channels smallint not null,
    flags integer not null,
    low double precision[] not null,
    high double precision[] not null,
    content bytea not null,
    primary key (device_id, stream, place, t0)
) partition by range (t0);
alter table signal.block alter column content set storage external;
comment on table signal.block is
    'The frames of one device, stream and place that begin in one minute (t0 is its start), after '
    'compaction: content as in shared/contracts/sample_block.py gives them back exactly, identity '
    'and header included. An identity stands in a block or in signal.frame, never in both. '
    'The other columns are for lists and far zoom: first_us = t0 of the first frame; end_us = end '
    'of the last sample, beyond the minute where a frame reaches over it; n_samples a channel; '
    'interval_ns and channels of most samples; flags of any frame; low and high = least and '
    'greatest value of each channel in the unit of the stream, null without a sample. '
    'Partitions by day. Retention: setting of storage, and of the patient';

-- A device, stream and time without reading the whole hour of the device.
create index frame_stream on signal.frame (device_id, stream, t0);
-- All patients in a stretch of time; rows come nearly in its order.
create index vital_t on signal.vital using brin (t) with (pages_per_range = 16, autosummarize = on);

------------------------------------------------------------------------- minutes and hours

create table signal.vital_minute (
    patient_id integer not null,
    measure smallint not null,
    t bigint not null,
    device_id integer not null,
    method smallint not null,
    n integer not null,
    n_questionable integer not null,
    low real,
    mean double precision,
    high real,
    quality real,
    validity smallint not null,
    flags integer not null,
    primary key (patient_id, measure, t, device_id, method)
) partition by range (t);
comment on table signal.vital_minute is
    'signal.vital by minute (t is its start): n values with a number (valid or questionable), '
    'their least, mean and greatest, mean quality; null when n = 0. validity = of the last value, '
    'flags = of any value. Complete up to signal.rollup_position.done_to, and corrected when later '
    'values change it. Partitions by week. Retention: setting of storage, and of the patient';

create table signal.vital_hour (like signal.vital_minute including all)
    partition by range (t);
comment on table signal.vital_hour is
    'signal.vital_minute by hour. Partitions by 13 weeks. '
    'Retention: setting of storage, and of the patient';

create table signal.rollup_position (
    only_row boolean primary key default true check (only_row),
    closed_to bigint not null default 0,
    done_to bigint not null default 0,
    updated_at timestamptz not null default now(),
    check (done_to <= closed_to)
);
insert into signal.rollup_position default values;
comment on table signal.rollup_position is
    'Who writes a vital sign of before closed_to notes its minute in vital_dirty, in the same '
    'transaction; before done_to all minutes and hours were computed once. Retention: one row';

create table signal.vital_dirty (
    patient_id integer not null,
    t bigint not null,
    primary key (patient_id, t)
);
comment on table signal.vital_dirty is
    'Minutes that changed after they were computed. Retention: until computed again';

----------------------------------------------------------------------- retention and erasure

create table registry.patient_retention (
    patient_id integer primary key references registry.patient,
    keep_days integer not null check (keep_days between 1 and 36500),
    changed_by text not null,
    changed_at timestamptz not null default now()
);
comment on table registry.patient_retention is
    'Patients whose data goes earlier than the settings of storage say. Retention: the patient';

create table registry.erasure_request (
    id integer generated always as identity primary key,
    patient_id integer not null unique references registry.patient,
    reason text not null check (length(reason) between 3 and 1000),
    requested_by text not null,
    requested_at timestamptz not null default now()
);
comment on table registry.erasure_request is
    'Patients whose data an administrator has ordered to be erased; storage carries it out and '
    'answers in signal.erasure. Retention: for ever';

create table signal.erasure (
    request_id integer primary key,
    patient_id integer not null,
    state text not null check (state in ('fenced', 'erasing', 'done')),
    fenced_at timestamptz not null default now(),
    done_at timestamptz,
    removed jsonb not null default '{}',
    certificate text,
    certificate_sha256 text check (certificate_sha256 ~ '^[0-9a-f]{64}$'),
    check ((state = 'done') = (done_at is not null)),
    check ((state = 'done') = (certificate is not null)),
    check ((state = 'done') = (certificate_sha256 is not null))
);
comment on table signal.erasure is
    'How far each ordered erasure is. fenced = nothing of the patient is let in any more; removed '
    '= rows of each table so far; certificate = JSON text that says what was removed and when, '
    'with its SHA-256. Retention: for ever';

create table signal.erased_time (
    device_id integer not null,
    start_us bigint not null,
    end_us bigint not null,
    request_id integer not null references signal.erasure,
    primary key (device_id, start_us, request_id),
    check (end_us > start_us)
);
comment on table signal.erased_time is
    'When an erased patient wore which device: what comes for these times is settled and not '
    'stored. Names no person. Retention: for ever';

---------------------------------------------------------------------------------- partitions

create or replace function signal.partition_width_us(parent text) returns bigint
language sql immutable
set search_path = pg_catalog
as $$
    select case parent
        when 'frame' then 3600000000
        when 'block' then 86400000000
        when 'vital' then 86400000000
        when 'beat' then 86400000000
        when 'vital_minute' then 7 * 86400000000
        when 'vital_hour' then 91 * 86400000000
    end
$$;

create function signal.partition_name(parent text, start_us bigint) returns text
language sql stable
set search_path = pg_catalog
as $$
    select parent || '_' || to_char(
        to_timestamp(start_us / 1000000) at time zone 'UTC',
        case when signal.partition_width_us(parent) < 86400000000
            then 'YYYYMMDDHH24' else 'YYYYMMDD' end)
$$;
comment on function signal.partition_name is
    'Name of the partition that ensure_partitions makes for this start';

create function signal.partition_starts(parent text) returns setof bigint
language sql stable
set search_path = pg_catalog
as $$
    select (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''?(-?\d+)''?\)'))[1]::bigint
    from pg_class c
    join pg_inherits i on i.inhrelid = c.oid
    join pg_class p on p.oid = i.inhparent
    join pg_namespace s on s.oid = p.relnamespace
    where s.nspname = 'signal' and p.relname = parent
    order by 1
$$;
comment on function signal.partition_starts is 'Where the partitions that are there begin';

create function signal.hold_hour(start_us bigint) returns boolean
language plpgsql
security definer
set search_path = pg_catalog
set lock_timeout = '2s'
as $$
declare
    part constant text := signal.partition_name('frame', start_us);
begin
    if to_regclass(format('signal.%I', part)) is null then
        return false;
    end if;
    -- writers of this hour wait until the end of the transaction, readers do not
    execute format('lock table only signal.%I in share row exclusive mode', part);
    return true;
end
$$;
comment on function signal.hold_hour is
    'Keeps writers out of one hour of frames until the end of the transaction; false without it';

create function signal.empty_hour(start_us bigint) returns void
language plpgsql
security definer
set search_path = pg_catalog
set lock_timeout = '1s'
as $$
begin
    execute format('truncate only signal.%I', signal.partition_name('frame', start_us));
end
$$;
comment on function signal.empty_hour is
    'Takes all rows out of one hour of frames, at the end of the transaction that stored them as '
    'blocks. Readers are kept waiting for the commit only';

create function signal.drop_partition(parent text, start_us bigint) returns boolean
language plpgsql
security definer
set search_path = pg_catalog
set lock_timeout = '500ms'
as $$
declare
    part constant text := signal.partition_name(parent, start_us);
    is_filled boolean := false;
begin
    if signal.partition_width_us(parent) is null or to_regclass(format('signal.%I', part)) is null
    then
        return false;
    end if;
    perform pg_advisory_xact_lock(hashtext('signal.ensure_partitions'), hashtext(parent));
    execute format('lock table signal.%I in access exclusive mode', parent);
    if parent = 'frame' then
        execute format('select exists (select from only signal.%I)', part) into is_filled;
    end if;
    if not is_filled then
        execute format('drop table signal.%I', part);
    end if;
    return not is_filled;
end
$$;
comment on function signal.drop_partition is
    'Removes one partition with all its rows (an hour of frames only when it is empty); gives up '
    'when others are in the way for half a second';

-------------------------------------------------------------------------------------- grants

revoke execute on function signal.partition_name, signal.partition_starts, signal.hold_hour,
    signal.empty_hour, signal.drop_partition from public;
grant execute on function signal.partition_starts, signal.hold_hour, signal.empty_hour,
    signal.drop_partition to vw_storage;
grant select, insert, update on signal.block to vw_storage;
grant select, insert, update, delete on signal.vital_minute, signal.vital_hour,
    signal.vital_dirty to vw_storage;
grant select, update on signal.rollup_position to vw_storage;
grant select, insert, update on signal.erasure to vw_storage;
grant select, insert on signal.erased_time to vw_storage;
grant select on registry.patient_retention, registry.erasure_request to vw_storage;

grant select on signal.block to vw_dsp;
grant select on signal.block, signal.vital_minute, signal.vital_hour, signal.rollup_position,
    signal.erasure to vw_api;
grant select, insert, update, delete on registry.patient_retention to vw_api;
grant select, insert on registry.erasure_request to vw_api;
