-- What a byte stream has left of each message, and units behind a hub.

create table gateway.rest (
    device_id integer not null references registry.device,
    codec text not null check (length(codec) between 1 and 40),
    boot bigint not null check (boot between 0 and 4294967295),
    n bigint not null check (n between 0 and 4294967295),
    rest bytea not null check (length(rest) <= 1048576),
    received_us bigint not null,
    primary key (device_id, codec, boot, n)
);
create index rest_age on gateway.rest (device_id, received_us);
create index rest_received on gateway.rest (received_us);
comment on table gateway.rest is
    'What a native byte stream had left after message n: with it message n + 1 is cut the same way '
    'whenever it comes. Never changed once written; an empty one says that n + 1 was read without '
    'what came before. Retention: a day, and the newest 2,000 of a device';
grant select, insert, update, delete on gateway.rest to vw_gateway;

create or replace function signal.erase_device_texts(
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

    delete from gateway.rest
        where device_id = device and received_us >= start_us and received_us < end_us;
    get diagnostics n = row_count;
    if n > 0 then
        removed := removed || jsonb_build_object('gateway.rest', n);
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

drop table gateway.remainder;

alter table registry.device add column parent_id integer references registry.device;
alter table registry.device add column unit_kind text check (length(unit_kind) between 1 and 40);
alter table registry.device add constraint device_unit_is_named_after_its_hub
    check (parent_id is null or device ~ '^[a-z0-9-]+--[a-z0-9]{1,10}$');
create index device_units on registry.device (parent_id) where parent_id is not null;
comment on column registry.device.parent_id is
    'The hub that speaks for this unit; null for a device that speaks for itself';
comment on column registry.device.unit_kind is 'What its hub calls a unit of this kind';

create function registry.join_unit(
    hub integer, unit text, kind text, model text, shard smallint
) returns integer
language plpgsql
security definer
set search_path = pg_catalog
as $$
declare
    of_hub registry.device;
    found_unit registry.device;
    joined integer;
begin
    -- the lock of assignments: whoever puts the hub on a patient waits, or is waited for
    perform pg_advisory_xact_lock(hashtext('registry.assignment'), hub);
    select * into of_hub from registry.device d where d.id = hub for update;
    if of_hub.id is null or of_hub.retired_at is not null or of_hub.parent_id is not null
        or of_hub.shard <> shard or not starts_with(unit, of_hub.device || '--')
        or substr(unit, length(of_hub.device) + 3) !~ '^[a-z0-9]{1,10}$'
    then
        return null;
    end if;
    select * into found_unit from registry.device d where d.device = unit;
    if found_unit.id is not null then
        return case when found_unit.parent_id = hub and found_unit.retired_at is null
            then found_unit.id end;
    end if;
    if (select count(*) from registry.device d where d.parent_id = hub) >= 64 then
        return null;
    end if;
    insert into registry.device (device, shard, model, simulated, parent_id, unit_kind)
    values (unit, shard, model, of_hub.simulated, hub, kind)
    returning id into joined;
    insert into registry.assignment (device_id, patient_id, starts, ends, assigned_by)
    select joined, a.patient_id, clock_timestamp(), a.ends, a.assigned_by
    from registry.assignment a
    where a.device_id = hub and a.starts <= clock_timestamp()
        and (a.ends is null or a.ends > clock_timestamp() + interval '1 second');
    return joined;
end
$$;
comment on function registry.join_unit is
    'Makes a unit known behind its hub, worn by whom the hub is worn by, without a credential; '
    'gives its row, also of one that is there, or null where it may not join: the hub is out of '
    'use or itself a unit, the name or the shard is not of this hub, the unit was retired, or '
    'there are 64. The gateway has seen the unit; that this model of hub may have it, it has '
    'looked up';
revoke execute on function registry.join_unit from public;
grant execute on function registry.join_unit to vw_gateway;
