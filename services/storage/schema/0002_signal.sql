-- What the devices sent and what was computed from it. Written by storage alone. Every unique key
-- begins with or contains device_id or patient_id, so that the tables can be distributed by it.
-- There are no foreign keys to registry: the gateway admits known devices only, and a row that
-- cannot be written would stop a lane. 0 stands for "none" where an id is part of a key.

---------------------------------------------------------------------------------- positions

create table signal.stream_position (
    incarnation integer not null,
    stream text not null,
    last_offset bigint not null default -1,
    epoch bigint not null default 0,
    updated_at timestamptz not null default now(),
    primary key (incarnation, stream)
);
comment on table signal.stream_position is
    'The newest offset of each stream whose rows are committed, saved in the same transaction. '
    'epoch counts the owners: a writer that lost its lane cannot commit any more. '
    'Retention: newest incarnations';

-------------------------------------------------------------------------------------- frames

create table signal.frame (
    device_id integer not null,
    boot bigint not null,
    n bigint not null,
    part smallint not null,
    stream smallint not null,
    t0 bigint not null,
    interval_ns bigint not null,
    received bigint not null,
    flags integer not null,
    channels smallint not null,
    format smallint not null,
    place smallint not null,
    scale real not null,
    add_offset real not null,
    samples bytea not null,
    primary key (device_id, boot, n, part, t0)
) partition by range (t0);
alter table signal.frame alter column samples set storage external;
create index frame_t0 on signal.frame using brin (t0) with (pages_per_range = 16);
comment on table signal.frame is
    'One frame a row as in frames.v1: value = sample * scale + add_offset, samples interleaved by '
    'channel, format 1 = int16, 3 = int32, 4 = float32, little-endian. Partitions by hour. '
    'Retention: setting of storage, by dropping partitions';

create table signal.received (
    device_id integer not null,
    boot bigint not null,
    n int8multirange not null,
    primary key (device_id, boot)
);
comment on table signal.received is
    'Identities of messages whose rows are no longer in frame. Retention: for ever';

create table signal.conflict (
    device_id integer not null,
    boot bigint not null,
    n bigint not null,
    part smallint not null,
    t0 bigint not null,
    digest bytea not null,
    stream smallint not null,
    interval_ns bigint not null,
    received bigint not null,
    flags integer not null,
    channels smallint not null,
    format smallint not null,
    place smallint not null,
    scale real not null,
    add_offset real not null,
    samples bytea not null,
    reason text not null default 'conflict',
    found_at timestamptz not null default now(),
    primary key (device_id, boot, n, part, t0, digest)
);
alter table signal.conflict alter column samples set storage external;
comment on table signal.conflict is
    'Frames refused because their identity is taken by other content, or because their time is '
    'not admitted (reason). digest = SHA-256 of the content. Retention: 1 year';

-------------------------------------------------------------------------------- vital signs

create table signal.vital (
    patient_id integer not null,
    t bigint not null,
    device_id integer not null,
    received bigint not null,
    measure smallint[] not null,
    method smallint[] not null,
    value real[] not null,
    quality real[] not null,
    validity smallint[] not null,
    flags integer[] not null,
    revision smallint[] not null,
    primary key (patient_id, t, device_id)
) partition by range (t);
comment on table signal.vital is
    'One row a patient, device and emission; the arrays run in parallel, one element a value, '
    'NaN where absent; each (measure, method) stands once, in its highest revision. patient_id 0 = '
    'assigned to nobody, device_id 0 = from several devices. Partitions by day. '
    'Retention: setting of storage';

create view signal.vital_value with (security_invoker = true) as
select v.patient_id, v.t, v.device_id, v.received, u.measure, u.method, u.value, u.quality,
    u.validity, u.flags, u.revision
from signal.vital v
cross join lateral unnest(
    v.measure, v.method, v.value, v.quality, v.validity, v.flags, v.revision)
    as u (measure, method, value, quality, validity, flags, revision);
comment on view signal.vital_value is 'signal.vital, one value a row';

create table signal.beat (
    device_id integer not null,
    t bigint not null,
    kind smallint not null,
    class smallint not null,
    revision smallint not null,
    rr_ms real not null,
    quality real not null,
    primary key (device_id, t, kind)
) partition by range (t);
comment on table signal.beat is
    'Beats and pulses (beats.v1), each in its highest revision; quality 0 = withdrawn by a later '
    'revision, rr_ms NaN after a gap. Partitions by day. Retention: setting of storage';

-------------------------------------------------------------------------------------- events

create table signal.event (
    device_id integer not null default 0,
    id text not null,
    patient_id integer not null default 0,
    t bigint not null,
    kind text not null,
    severity text not null,
    source text not null,
    text_key text not null,
    data jsonb not null default '{}',
    incarnation integer not null,
    stream_offset bigint not null,
    primary key (device_id, id)
);
create index event_cursor on signal.event (incarnation, stream_offset);
create index event_patient on signal.event (patient_id, t);
create index event_device on signal.event (device_id, t);
comment on table signal.event is
    'Events once each; (incarnation, stream_offset) is the place in the stream events where it '
    'came first, the cursor of the live socket. Retention: 10 years';

---------------------------------------------------------------------------------- partitions

create function signal.partition_width_us(parent text) returns bigint
language sql immutable
set search_path = pg_catalog
as $$
    select case parent
        when 'frame' then 3600000000
        when 'vital' then 86400000000
        when 'beat' then 86400000000
    end
$$;

create function signal.ensure_partitions(parent text, starts_us bigint[]) returns integer
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
        execute format('alter table signal.%I attach partition signal.%I for values from (%s) to (%s)',
            parent, part, start_us, start_us + width);
        made := made + 1;
    end loop;
    return made;
end
$$;
comment on function signal.ensure_partitions is
    'Makes the partitions of frame, vital or beat that begin at the given times and are missing';

-------------------------------------------------------------------------------------- grants

grant execute on function signal.ensure_partitions to vw_storage;
grant select, insert, update on signal.stream_position, signal.received, signal.vital,
    signal.beat to vw_storage;
grant select, insert on signal.frame, signal.conflict, signal.event to vw_storage;

grant select on signal.frame, signal.received, signal.vital, signal.vital_value, signal.beat
    to vw_dsp;
grant select on signal.vital, signal.vital_value, signal.event to vw_alarms;
grant select on signal.frame, signal.received, signal.conflict, signal.vital, signal.vital_value,
    signal.beat, signal.event, signal.stream_position to vw_api;
