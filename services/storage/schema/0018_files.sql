-- Files that devices send in parts and people bring: kept as parts until they are whole, read, and
-- what was in them is stored.

create table gateway.file (
    id uuid primary key,
    device_id integer not null references registry.device,
    patient_id integer references registry.patient,
    name text not null check (name ~ '^[^/\\[:cntrl:]]{1,120}$'),
    format text not null check (format ~ '^[a-z0-9_]{1,40}$'),
    total integer not null check (total between 1 and 67108864),
    options jsonb not null default '{}',
    sent_by text not null default '',
    state text not null default 'receiving'
        check (state in ('receiving', 'complete', 'reading', 'stored', 'refused')),
    digest bytea check (length(digest) = 32),
    crc32 bigint,
    reason text,
    detail text check (length(detail) <= 500),
    line integer,
    byte_offset integer,
    attempts integer not null default 0,
    n_pieces integer not null default 0,
    n_stored integer not null default 0,
    n_frames integer not null default 0,
    starts_us bigint,
    ends_us bigint,
    made_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    finished_at timestamptz,
    check ((state in ('stored', 'refused')) = (finished_at is not null))
);
create unique index file_received on gateway.file (device_id, name)
    where state = 'receiving' and sent_by = '';
create index file_of_device on gateway.file (device_id, made_at desc, id desc);
create index file_to_read on gateway.file (changed_at) where state in ('complete', 'reading');
create index file_same on gateway.file (device_id, digest) where digest is not null;
comment on table gateway.file is
    'Files of devices, and what became of them; sent_by is empty where the device itself sent it, '
    'patient_id who is meant, where a person said so; crc32 of the whole, once it was read. Retention: 7 days where it is never whole, '
    'then as commands';

create table gateway.file_part (
    file_id uuid not null references gateway.file on delete cascade,
    starts integer not null check (starts >= 0),
    size integer not null check (size > 0),
    crc32 bigint not null,
    content bytea,
    primary key (file_id, starts, size),
    check (content is null or length(content) = size)
);
alter table gateway.file_part alter column content set storage external;
comment on table gateway.file_part is
    'Parts of files; without content when the file has ended: what comes again is known by its '
    'checksum. Retention: 7 days';

grant select, insert, update, delete on gateway.file, gateway.file_part to vw_gateway;
grant select on gateway.file to vw_api;

create function gateway.wear_while_recorded(brought_file uuid, start_us bigint, end_us bigint)
returns text
language plpgsql
security definer
set search_path = pg_catalog
as $$
declare
    brought gateway.file;
    recorded constant tstzrange := tstzrange(
        to_timestamp(start_us / 1000000.0), to_timestamp(end_us / 1000000.0));
begin
    select * into strict brought from gateway.file where id = brought_file;
    if brought.patient_id is null then
        return '';
    end if;
    -- who is being erased is not worn for again; an erasure that comes now waits for this
    perform from registry.patient where id = brought.patient_id and erased_at is null for share;
    if not found then
        return 'the patient is erased';
    end if;
    if exists (
        select from registry.assignment
        where device_id = brought.device_id and patient_id <> brought.patient_id
            and tstzrange(starts, ends) && recorded)
    then
        return 'another patient wore the device then';
    end if;
    insert into registry.assignment (device_id, patient_id, starts, ends, assigned_by)
        select brought.device_id, brought.patient_id, lower(gap), upper(gap), brought.sent_by
        from unnest(tstzmultirange(recorded) - coalesce((
            select range_agg(tstzrange(starts, ends)) from registry.assignment
            where device_id = brought.device_id), '{}'::tstzmultirange)) as gap
        where not isempty(gap);
    return '';
exception when exclusion_violation then
    return 'the device was put on somebody at the same moment';
end
$$;
comment on function gateway.wear_while_recorded is
    'Has the patient whom a file is of wear the device while it was recorded, where nobody did; '
    'gives why not, or nothing';

create function registry.begin_import(
    brought_file uuid, device integer, patient integer, name text, format text, total integer,
    options jsonb, sent_by text
) returns text
language plpgsql
security definer
set search_path = pg_catalog
as $$
declare
    before gateway.file;
begin
    insert into gateway.file (id, device_id, patient_id, name, format, total, options, sent_by)
        values (brought_file, device, patient, name, format, total, options, sent_by)
        on conflict (id) do nothing;
    if found then
        return 'begun';
    end if;
    select * into strict before from gateway.file where id = brought_file for update;
    if (before.device_id, before.name, before.format, before.total, before.options, before.sent_by)
        is distinct from (device, name, format, total, options, sent_by)
        or before.patient_id is distinct from patient
    then
        return 'other';
    end if;
    if before.state <> 'receiving' then
        return 'there';
    end if;
    delete from gateway.file_part where file_id = brought_file;
    return 'begun';
end
$$;
comment on function registry.begin_import is
    'Makes the row of a file that a person brings: begun, there (it is whole already), or other '
    '(this id is another file''s)';

create function registry.put_import_part(brought_file uuid, starts integer, crc32 bigint, content bytea)
returns void
language sql
security definer
set search_path = pg_catalog
as $$
    insert into gateway.file_part (file_id, starts, size, crc32, content)
    select f.id, $2, length($4), $3, $4
    from gateway.file f where f.id = $1 and f.state = 'receiving' and f.sent_by <> ''
    on conflict do nothing;
$$;

create function registry.finish_import(brought_file uuid, digest bytea) returns uuid
language plpgsql
security definer
set search_path = pg_catalog
as $$
declare
    brought gateway.file;
    same uuid;
begin
    select * into brought from gateway.file where id = brought_file and sent_by <> '' for update;
    if not found or brought.state <> 'receiving' then
        return brought.id;
    end if;
    select f.id into same
    from gateway.file f
    where f.device_id = brought.device_id and f.digest = finish_import.digest
        and f.format = brought.format and f.options = brought.options
        and f.patient_id is not distinct from brought.patient_id
        and f.state in ('complete', 'reading', 'stored')
    order by f.made_at limit 1;
    if found then
        delete from gateway.file where id = brought_file;
        return same;
    end if;
    update gateway.file f
        set state = 'complete', digest = finish_import.digest, changed_at = now()
        where id = brought_file;
    return brought_file;
end
$$;
comment on function registry.finish_import is
    'Says that a file is whole; gives its id, or that of the same one that was brought before';

create function registry.drop_import(brought_file uuid) returns void
language sql
security definer
set search_path = pg_catalog
as $$
    delete from gateway.file where id = $1 and state = 'receiving' and sent_by <> '';
$$;

create function signal.erase_files(device integer, start_us bigint, end_us bigint)
returns jsonb
language plpgsql
security definer
set search_path = pg_catalog
as $$
declare
    since constant timestamptz := to_timestamp(start_us / 1000000.0);
    till constant timestamptz := to_timestamp(end_us / 1000000.0);
    n bigint;
begin
    -- One that was not read yet may be of any time: what came while the patient wore the device.
    delete from gateway.file f
        where device_id = device and case
            when f.starts_us is null then f.made_at < till and f.changed_at >= since
            else f.starts_us < end_us and f.ends_us >= start_us end;
    get diagnostics n = row_count;
    return case when n > 0 then jsonb_build_object('gateway.file', n) else '{}'::jsonb end;
end
$$;
comment on function signal.erase_files is
    'Removes files of a device that were recorded in a time, or came in it and are not read';

create function signal.remove_old_files(before_us bigint, most integer default 2000)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog
as $$
declare
    before constant timestamptz := to_timestamp(before_us / 1000000.0);
    n bigint;
    n_parts bigint;
begin
    delete from gateway.file where ctid = any(array(
        select ctid from gateway.file
        where (state in ('stored', 'refused') and finished_at < before)
            or (state = 'receiving' and changed_at < now() - interval '7 days')
        limit most));
    get diagnostics n = row_count;
    delete from gateway.file_part where ctid = any(array(
        select p.ctid from gateway.file f join gateway.file_part p on p.file_id = f.id
        where f.finished_at < now() - interval '7 days'
        limit most));
    get diagnostics n_parts = row_count;
    return n + n_parts;
end
$$;
comment on function signal.remove_old_files is
    'Removes files that ended before a time, those that were never whole for 7 days, and what is '
    'left of parts; so many, 0 when none is left';

revoke execute on function gateway.wear_while_recorded, registry.begin_import,
    registry.put_import_part, registry.finish_import, registry.drop_import, signal.erase_files,
    signal.remove_old_files from public;
grant execute on function gateway.wear_while_recorded to vw_gateway;
grant execute on function registry.begin_import, registry.put_import_part,
    registry.finish_import, registry.drop_import to vw_api;
grant execute on function signal.erase_files, signal.remove_old_files to vw_storage;
