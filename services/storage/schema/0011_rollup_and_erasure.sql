-- What the loops over long-term storage need: all patients' minutes of an hour without a full
-- scan, partitions that go only when nobody is in the way, and the erasure of a patient.

create index vital_minute_t on signal.vital_minute
    using brin (t) with (pages_per_range = 32, autosummarize = on);

create or replace function signal.drop_partition(parent text, start_us bigint) returns boolean
language plpgsql
security definer
set search_path = pg_catalog
set lock_timeout = '100ms'
as $$
declare
    part constant text := signal.partition_name(parent, start_us);
    is_filled boolean := false;
begin
    if signal.partition_width_us(parent) is null or to_regclass(format('signal.%I', part)) is null
    then
        return false;
    end if;
    -- while this waits, so do those who come after it: hence the short timeout
    execute format('lock table only signal.%I in access exclusive mode', parent);
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
    'when others are in the way for a tenth of a second';

------------------------------------------------------------------------------------- erasure

create function signal.fence_patient(request integer) returns boolean
language plpgsql
security definer
set search_path = pg_catalog
as $$
declare
    ordered registry.erasure_request;
    now_at constant timestamptz := clock_timestamp();
begin
    select * into ordered from registry.erasure_request where id = request;
    if not found or exists (select from signal.erasure where request_id = request) then
        return false;
    end if;
    -- who wears a device wears it no longer: what it sends from now on is nobody's
    update registry.assignment set ends = now_at
        where patient_id = ordered.patient_id and starts < now_at
            and (ends is null or ends > now_at);
    delete from registry.assignment where patient_id = ordered.patient_id and starts >= now_at;
    update registry.patient set erased_at = coalesce(erased_at, now_at)
        where id = ordered.patient_id;
    insert into signal.erasure (request_id, patient_id, state)
        values (request, ordered.patient_id, 'fenced');
    insert into signal.erased_time (device_id, start_us, end_us, request_id)
        select device_id, (extract(epoch from starts) * 1e6)::bigint,
            (extract(epoch from ends) * 1e6)::bigint + 1, request
        from registry.assignment where patient_id = ordered.patient_id;
    return true;
end
$$;
comment on function signal.fence_patient is
    'The first step of an erasure: ends the patient''s assignments and has nothing of the patient '
    'let in any more';

create function signal.erase_device_time(
    device integer, start_us bigint, end_us bigint, most integer default 5000
) returns jsonb
language plpgsql
security definer
set search_path = pg_catalog
as $$
declare
    removed jsonb := '{}';
    target record;
    n bigint;
begin
    for target in
        select * from (values
            ('signal', 'frame', 't0'), ('signal', 'conflict', 't0'),
            ('signal', 'conflict', 'received'), ('signal', 'beat', 't'),
            ('signal', 'event', 't'), ('dsp', 'late_interval', 'start_us'),
            ('dsp', 'correction', 'start_us')) as known (space, name, time)
    loop
        execute format(
            'with gone as (delete from %1$I.%2$I where ctid = any(array(
                 select ctid from %1$I.%2$I
                 where device_id = $1 and %3$I >= $2 and %3$I < $3 limit $4))
                 and device_id = $1 and %3$I >= $2 and %3$I < $3 returning 1)
             select count(*) from gone', target.space, target.name, target.time)
            using device, start_us, end_us, most into n;
        if n > 0 then
            removed := removed || jsonb_build_object(target.space || '.' || target.name,
                n + coalesce((removed ->> (target.space || '.' || target.name))::bigint, 0));
        end if;
    end loop;
    return removed;
end
$$;
comment on function signal.erase_device_time is
    'Removes rows of what a device sent in a time, so many a table; {} when nothing is left. '
    'Blocks are not among them: storage takes the minutes apart at the ends';

create function signal.erase_patient_rows(patient integer, until_us bigint) returns jsonb
language plpgsql
security definer
set search_path = pg_catalog
as $$
declare
    removed jsonb := '{}';
    target record;
    n bigint;
begin
    for target in
        select * from (values
            ('vital', 't'), ('vital_minute', 't'), ('vital_hour', 't'), ('vital_dirty', 't'),
            ('event', 't')) as known (name, time)
    loop
        execute format('with gone as (delete from signal.%I where patient_id = $1 and %I < $2
            returning 1) select count(*) from gone', target.name, target.time)
            using patient, until_us into n;
        if n > 0 then
            removed := removed || jsonb_build_object('signal.' || target.name, n);
        end if;
    end loop;
    return removed;
end
$$;
comment on function signal.erase_patient_rows is
    'Removes vital signs, their minutes and hours and the events of a patient before a time';

create function signal.erase_patient_records(request integer) returns jsonb
language plpgsql
security definer
set search_path = pg_catalog
as $$
declare
    erased constant integer := (
        select patient_id from signal.erasure where request_id = request and state <> 'done');
    removed jsonb := '{}';
    target record;
    n bigint;
    blocked boolean := true;
begin
    if erased is null then
        raise exception 'no erasure % is under way', request
            using errcode = 'invalid_parameter_value';
    end if;
    -- Any table that names a patient, present and future; what refers to another of them goes
    -- first, which the foreign keys tell: whoever is refused waits for the next turn.
    for turn in 1 .. 5 loop
        exit when not blocked;
        blocked := false;
        for target in
            select s.nspname as space, c.relname as name
            from pg_attribute a
            join pg_class c on c.oid = a.attrelid
            join pg_namespace s on s.oid = c.relnamespace
            where a.attname = 'patient_id' and not a.attisdropped and not c.relispartition
                and c.relkind in ('r', 'p')
                and s.nspname in ('registry', 'access', 'gateway', 'signal', 'dsp', 'alarm')
                and (s.nspname, c.relname) not in (
                    ('registry', 'erasure_request'), ('signal', 'erasure'))
            order by 1, 2
        loop
            begin
                execute format('with gone as (delete from %I.%I where patient_id = $1
                    returning 1) select count(*) from gone', target.space, target.name)
                    using erased into n;
                if n > 0 then
                    removed := removed || jsonb_build_object(
                        target.space || '.' || target.name,
                        n + coalesce((removed ->> (target.space || '.' || target.name))::bigint, 0));
                end if;
            exception when foreign_key_violation then
                blocked := true;
            end;
        end loop;
    end loop;
    if blocked then
        raise exception 'rows of erasure % are referred to from elsewhere', request;
    end if;
    update registry.patient set initials = '-', name = null, birth_date = null, sex = null,
        profile = '{}' where id = erased;
    return removed || jsonb_build_object('registry.patient', 1);
end
$$;
comment on function signal.erase_patient_records is
    'The last step of an erasure: removes the rows of the patient from every table with a '
    'patient_id, the account included, and empties the patient''s own row. The audit trail, the '
    'request and the certificate stay';

grant select (device_id, patient_id, starts, ends) on registry.assignment to vw_storage;
grant select (id, key, erased_at) on registry.patient to vw_storage;
grant delete on signal.block, signal.conflict, signal.event to vw_storage;
revoke execute on function signal.fence_patient, signal.erase_device_time,
    signal.erase_patient_rows, signal.erase_patient_records from public;
grant execute on function signal.fence_patient, signal.erase_device_time,
    signal.erase_patient_rows, signal.erase_patient_records to vw_storage;
grant select on signal.vital_value to vw_storage;
grant select on signal.erased_time to vw_api;
