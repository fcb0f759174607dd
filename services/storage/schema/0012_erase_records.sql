-- In 0011 the variable had the name of the table, so the last step of an erasure failed.

create or replace function signal.erase_patient_records(request integer) returns jsonb
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
