-- An erasure reaches what people wrote to devices, alarms write nothing of who is erased, and
-- commands go when their time is over.

create function signal.erase_device_texts(
    device integer, start_us bigint, end_us bigint, and_later_state boolean
) returns jsonb
language plpgsql
security definer
set search_path = pg_catalog
as $$
declare
    since constant timestamptz := to_timestamp(start_us / 1000000.0);
    till constant timestamptz := to_timestamp(end_us / 1000000.0);
    removed jsonb := '{}';
    ids uuid[];
    n bigint;
begin
    select coalesce(array_agg(id), '{}') into ids from (
        select id from registry.command
        where device_id = device and requested_at < till and expires_at > since
        union
        select id from gateway.command
        where device_id = device and taken_at < till and expires_at > since) as given;
    -- A command that may still run keeps a row without its text, and ends with it: a row that is
    -- gone would let it run a second time. (The gateway asks after lost ones for a day.)
    insert into gateway.command (
        id, device_id, name, requested_by, expires_at, outcome, finished_at)
        select id, device_id, name, requested_by, expires_at, 'expired', now()
        from registry.command where id = any(ids) and expires_at > now()
        on conflict (id) do nothing;
    update gateway.command set args = '{}', detail = null,
        outcome = coalesce(outcome, case when sends = 0 then 'expired' else 'unknown' end),
        finished_at = coalesce(finished_at, now())
        where id = any(ids);
    update registry.command set args = '{}' where id = any(ids);
    get diagnostics n = row_count;
    if n > 0 then
        removed := removed || jsonb_build_object('registry.command', n);
    end if;
    delete from gateway.command where id = any(ids) and expires_at < now() - interval '1 day';
    delete from registry.command where id = any(ids) and expires_at < now() - interval '1 day';

    delete from gateway.remainder
        where device_id = device and received_us >= start_us and received_us < end_us;
    get diagnostics n = row_count;
    if n > 0 then
        removed := removed || jsonb_build_object('gateway.remainder', n);
    end if;
    if not and_later_state then
        return removed;
    end if;
    -- A configuration changed since then may still hold a text of then.
    update registry.device_configuration c
        set configuration = (
                select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(c.configuration)
                where jsonb_typeof(value) <> 'string'),
            version = version + 1, changed_by = 'storage', changed_at = now()
        where device_id = device and changed_at >= since and exists (
            select from jsonb_each(c.configuration) where jsonb_typeof(value) = 'string');
    get diagnostics n = row_count;
    if n > 0 then
        removed := removed || jsonb_build_object('registry.device_configuration', n);
    end if;
    update gateway.presence
        set reported = '{}'
        where device_id = device and seen_at >= since and reported <> '{}';
    get diagnostics n = row_count;
    if n > 0 then
        removed := removed || jsonb_build_object('gateway.presence', n);
    end if;
    return removed;
end
$$;
comment on function signal.erase_device_texts is
    'Removes what people wrote to a device in a time and what it answered: commands, the rest of a '
    'message that was never whole, and with and_later_state texts of the configuration that are '
    'there now (the device itself keeps them until it is configured anew)';

create function signal.remove_old_commands(before_us bigint, most integer default 2000)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog
as $$
declare
    before constant timestamptz := to_timestamp(before_us / 1000000.0);
    n bigint;
    n_outcomes bigint;
begin
    delete from registry.command where ctid = any(array(
        select ctid from registry.command where requested_at < before and expires_at < before
        limit most));
    get diagnostics n = row_count;
    delete from gateway.command where ctid = any(array(
        select ctid from gateway.command where taken_at < before and expires_at < before
        limit most));
    get diagnostics n_outcomes = row_count;
    return n + n_outcomes;
end
$$;
comment on function signal.remove_old_commands is
    'Removes commands that were asked for before a time, so many; 0 when none is left';

create function alarm.refuse_erased() returns trigger
language plpgsql
security definer
set search_path = pg_catalog
as $$
begin
    if exists (
        select from registry.patient where id = new.patient_id and erased_at is not null)
    then
        return null;
    end if;
    return new;
end
$$;
comment on function alarm.refuse_erased is
    'Leaves out rows of patients who are erased: what alarms decided before it knew';
create trigger alarm_of_erased before insert on alarm.alarm
    for each row execute function alarm.refuse_erased();
create trigger action_of_erased before insert on alarm.action
    for each row execute function alarm.refuse_erased();
create trigger watch_of_erased before insert on alarm.watch
    for each row execute function alarm.refuse_erased();
create trigger limit_of_erased before insert on alarm.limit_in_force
    for each row execute function alarm.refuse_erased();

revoke execute on function signal.erase_device_texts, signal.remove_old_commands,
    alarm.refuse_erased from public;
grant execute on function signal.erase_device_texts, signal.remove_old_commands to vw_storage;
