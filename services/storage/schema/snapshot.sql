-- Generated from the migrations by pg_dump; do not edit. To write it anew:
-- python -m tests.integration.storage.make_snapshot

CREATE SCHEMA access;
ALTER SCHEMA access OWNER TO vw_admin;
COMMENT ON SCHEMA access IS 'accounts, sessions, care teams and relations; written by api';
CREATE SCHEMA alarm;
ALTER SCHEMA alarm OWNER TO vw_admin;
COMMENT ON SCHEMA alarm IS 'state of alarms; written by alarms';
CREATE SCHEMA audit;
ALTER SCHEMA audit OWNER TO vw_admin;
COMMENT ON SCHEMA audit IS 'who did what; append-only through audit.append';
CREATE SCHEMA dsp;
ALTER SCHEMA dsp OWNER TO vw_admin;
COMMENT ON SCHEMA dsp IS 'positions of the signal processing; written by dsp';
CREATE SCHEMA gateway;
ALTER SCHEMA gateway OWNER TO vw_admin;
COMMENT ON SCHEMA gateway IS 'clock maps, presence, unfinished messages; written by gateway';
CREATE SCHEMA registry;
ALTER SCHEMA registry OWNER TO vw_admin;
COMMENT ON SCHEMA registry IS 'wards, patients, devices and what binds them; written by api';
CREATE SCHEMA signal;
ALTER SCHEMA signal OWNER TO vw_admin;
COMMENT ON SCHEMA signal IS 'frames, vital signs, beats, events; written by storage';
CREATE FUNCTION alarm.refuse_erased() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
begin
    if exists (
        select from registry.patient where id = new.patient_id and erased_at is not null)
    then
        return null;
    end if;
    return new;
end
$$;
ALTER FUNCTION alarm.refuse_erased() OWNER TO vw_admin;
COMMENT ON FUNCTION alarm.refuse_erased() IS 'Leaves out rows of patients who are erased: what alarms decided before it knew';
CREATE FUNCTION audit.append(actor text, action text, resource text, outcome text, patient_id integer DEFAULT NULL::integer, device_id integer DEFAULT NULL::integer, reason text DEFAULT NULL::text, origin text DEFAULT NULL::text, request_id text DEFAULT NULL::text, detail jsonb DEFAULT '{}'::jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
declare
    head audit.chain;
    fresh audit.entry;
begin
    insert into audit.chain values (session_user, 0, sha256(convert_to(session_user, 'UTF8')))
        on conflict do nothing;
    -- the lock lasts until the caller commits: links of one chain are written one after the other
    select * into strict head from audit.chain c where c.chain = session_user for update;
    fresh := row(
        session_user::text, head.last_n + 1, (extract(epoch from clock_timestamp()) * 1e6)::bigint,
        actor, action, patient_id, device_id, resource, outcome, reason, origin, request_id,
        coalesce(detail, '{}'), head.last_hash, ''::bytea);
    fresh.hash := audit.link(fresh);
    insert into audit.entry values (fresh.*);
    update audit.chain c set last_n = fresh.n, last_hash = fresh.hash where c.chain = fresh.chain;
    return fresh.n;
end
$$;
ALTER FUNCTION audit.append(actor text, action text, resource text, outcome text, patient_id integer, device_id integer, reason text, origin text, request_id text, detail jsonb) OWNER TO vw_admin;
COMMENT ON FUNCTION audit.append(actor text, action text, resource text, outcome text, patient_id integer, device_id integer, reason text, origin text, request_id text, detail jsonb) IS 'Appends one entry to the chain of the calling role and gives its number. The only way in';
CREATE FUNCTION audit.append_many(actors text[], actions text[], resources text[], outcomes text[], patient_ids integer[], device_ids integer[], reasons text[], origins text[], request_ids text[], details jsonb[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
declare
    head audit.chain;
    fresh audit.entry;
    entries audit.entry[] := '{}';
begin
    insert into audit.chain values (session_user, 0, sha256(convert_to(session_user, 'UTF8')))
        on conflict do nothing;
    -- the lock lasts until the caller commits: links of one chain are written one after the other
    select * into strict head from audit.chain c where c.chain = session_user for update;
    for i in 1 .. cardinality(actors) loop
        fresh := row(
            session_user::text, head.last_n + 1,
            (extract(epoch from clock_timestamp()) * 1e6)::bigint,
            actors[i], actions[i], patient_ids[i], device_ids[i], resources[i], outcomes[i],
            reasons[i], origins[i], request_ids[i], coalesce(details[i], '{}'), head.last_hash,
            ''::bytea);
        fresh.hash := audit.link(fresh);
        head.last_n := fresh.n;
        head.last_hash := fresh.hash;
        entries[i] := fresh;
    end loop;
    insert into audit.entry select e.* from unnest(entries) as e;
    update audit.chain c set last_n = head.last_n, last_hash = head.last_hash
        where c.chain = head.chain;
    return head.last_n;
end
$$;
ALTER FUNCTION audit.append_many(actors text[], actions text[], resources text[], outcomes text[], patient_ids integer[], device_ids integer[], reasons text[], origins text[], request_ids text[], details jsonb[]) OWNER TO vw_admin;
COMMENT ON FUNCTION audit.append_many(actors text[], actions text[], resources text[], outcomes text[], patient_ids integer[], device_ids integer[], reasons text[], origins text[], request_ids text[], details jsonb[]) IS 'Appends entries in their order, as audit.append does one; gives the number of the last';
CREATE TABLE audit.entry (
    chain text NOT NULL,
    n bigint NOT NULL,
    at_us bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    patient_id integer,
    device_id integer,
    resource text NOT NULL,
    outcome text NOT NULL,
    reason text,
    origin text,
    request_id text,
    detail jsonb NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL
);
ALTER TABLE audit.entry OWNER TO vw_admin;
COMMENT ON TABLE audit.entry IS 'Who (actor) did what (action) to what (resource) with which outcome. Retention: 10 years';
CREATE FUNCTION audit.link(entry audit.entry) RETURNS bytea
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog'
    AS $$
    -- jsonb orders its keys, so the text is the same for the same entry
    select sha256(entry.previous_hash || convert_to(
        (to_jsonb(entry) - 'hash' - 'previous_hash')::text, 'UTF8'))
$$;
ALTER FUNCTION audit.link(entry audit.entry) OWNER TO vw_admin;
CREATE FUNCTION audit.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
begin
    raise exception 'the audit trail is append-only' using errcode = 'insufficient_privilege';
end
$$;
ALTER FUNCTION audit.refuse_change() OWNER TO vw_admin;
CREATE FUNCTION audit.verify() RETURNS TABLE(chain text, n bigint, what text)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog'
    AS $$
    with linked as (
        select e.*, lag(e.n, 1, 0::bigint) over w as n_before,
            lag(e.hash, 1, sha256(convert_to(e.chain, 'UTF8'))) over w as hash_before,
            audit.link(row(e.*)::audit.entry) as expected
        from audit.entry e
        window w as (partition by e.chain order by e.n))
    select l.chain, l.n, 'missing before' from linked l where l.n <> l.n_before + 1
    union all
    select l.chain, l.n, 'previous changed' from linked l where l.previous_hash <> l.hash_before
    union all
    select l.chain, l.n, 'changed' from linked l where l.hash <> l.expected
    union all
    select c.chain, c.last_n, 'cut off' from audit.chain c
    where c.last_n <> (select coalesce(max(e.n), 0) from audit.entry e where e.chain = c.chain)
$$;
ALTER FUNCTION audit.verify() OWNER TO vw_admin;
COMMENT ON FUNCTION audit.verify() IS 'What is broken in the chains; no row = all is whole';
CREATE FUNCTION gateway.wear_while_recorded(brought_file uuid, start_us bigint, end_us bigint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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
ALTER FUNCTION gateway.wear_while_recorded(brought_file uuid, start_us bigint, end_us bigint) OWNER TO vw_admin;
COMMENT ON FUNCTION gateway.wear_while_recorded(brought_file uuid, start_us bigint, end_us bigint) IS 'Has the patient whom a file is of wear the device while it was recorded, where nobody did; gives why not, or nothing';
CREATE FUNCTION registry.begin_import(brought_file uuid, device integer, patient integer, name text, format text, total integer, options jsonb, sent_by text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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
ALTER FUNCTION registry.begin_import(brought_file uuid, device integer, patient integer, name text, format text, total integer, options jsonb, sent_by text) OWNER TO vw_admin;
COMMENT ON FUNCTION registry.begin_import(brought_file uuid, device integer, patient integer, name text, format text, total integer, options jsonb, sent_by text) IS 'Makes the row of a file that a person brings: begun, there (it is whole already), or other (this id is another file''s)';
CREATE FUNCTION registry.drop_import(brought_file uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $_$
    delete from gateway.file where id = $1 and state = 'receiving' and sent_by <> '';
$_$;
ALTER FUNCTION registry.drop_import(brought_file uuid) OWNER TO vw_admin;
CREATE FUNCTION registry.finish_import(brought_file uuid, digest bytea) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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
ALTER FUNCTION registry.finish_import(brought_file uuid, digest bytea) OWNER TO vw_admin;
COMMENT ON FUNCTION registry.finish_import(brought_file uuid, digest bytea) IS 'Says that a file is whole; gives its id, or that of the same one that was brought before';
CREATE FUNCTION registry.join_unit(hub integer, unit text, kind text, model text, shard smallint) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $_$
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
$_$;
ALTER FUNCTION registry.join_unit(hub integer, unit text, kind text, model text, shard smallint) OWNER TO vw_admin;
COMMENT ON FUNCTION registry.join_unit(hub integer, unit text, kind text, model text, shard smallint) IS 'Makes a unit known behind its hub, worn by whom the hub is worn by, without a credential; gives its row, also of one that is there, or null where it may not join: the hub is out of use or itself a unit, the name or the shard is not of this hub, the unit was retired, or there are 64. The gateway has seen the unit; that this model of hub may have it, it has looked up';
CREATE FUNCTION registry.leave_lane(change integer, lane integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
begin
    if session_user not in ('vw_gateway', 'vw_dsp', 'vw_storage', 'vw_alarms') then
        raise exception '% works on no lanes', session_user using errcode = '42501';
    end if;
    perform from registry.lane_change c
    where c.id = change and c.ended_at is null and c.hold_until > clock_timestamp();
    if not found then
        return false;
    end if;
    insert into registry.lane_left (change_id, service, lane)
    values (change, substr(session_user, 4), lane)
    on conflict do nothing;
    return true;
end
$$;
ALTER FUNCTION registry.leave_lane(change integer, lane integer) OWNER TO vw_admin;
COMMENT ON FUNCTION registry.leave_lane(change integer, lane integer) IS 'Says that the service of this role works no more on a lane while the change is under way; false where it is over';
CREATE FUNCTION registry.notify_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
begin
    perform pg_notify('registry_changed', tg_table_name);
    return null;
end
$$;
ALTER FUNCTION registry.notify_change() OWNER TO vw_admin;
COMMENT ON FUNCTION registry.notify_change() IS 'Notifies registry_changed; the gateway then reads devices and credentials again';
CREATE FUNCTION registry.put_import_part(brought_file uuid, starts integer, crc32 bigint, content bytea) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $_$
    insert into gateway.file_part (file_id, starts, size, crc32, content)
    select f.id, $2, length($4), $3, $4
    from gateway.file f where f.id = $1 and f.state = 'receiving' and f.sent_by <> ''
    on conflict do nothing;
$_$;
ALTER FUNCTION registry.put_import_part(brought_file uuid, starts integer, crc32 bigint, content bytea) OWNER TO vw_admin;
CREATE FUNCTION signal.codes_of(given real[]) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT jsonb_object_agg(counted.code, counted.n) AS jsonb_object_agg FROM (SELECT (value.value)::integer AS code, count(*) AS n FROM unnest(codes_of.given) value(value) GROUP BY ((value.value)::integer)) counted);
ALTER FUNCTION signal.codes_of(given real[]) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.codes_of(given real[]) IS 'How often each code is among these';
CREATE FUNCTION signal.codes_together(given jsonb[]) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT jsonb_object_agg(counted.code, counted.n) AS jsonb_object_agg FROM (SELECT jsonb_each_text.key AS code, sum((jsonb_each_text.value)::bigint) AS n FROM unnest(codes_together.given) one(one), LATERAL jsonb_each_text(one.one) jsonb_each_text(key, value) GROUP BY jsonb_each_text.key) counted);
ALTER FUNCTION signal.codes_together(given jsonb[]) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.codes_together(given jsonb[]) IS 'The sum of such counts';
CREATE FUNCTION signal.drop_partition(parent text, start_us bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    SET lock_timeout TO '100ms'
    AS $$
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
ALTER FUNCTION signal.drop_partition(parent text, start_us bigint) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.drop_partition(parent text, start_us bigint) IS 'Removes one partition with all its rows (an hour of frames only when it is empty); gives up when others are in the way for a tenth of a second';
CREATE FUNCTION signal.empty_hour(start_us bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    SET lock_timeout TO '1s'
    AS $$
begin
    execute format('truncate only signal.%I', signal.partition_name('frame', start_us));
end
$$;
ALTER FUNCTION signal.empty_hour(start_us bigint) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.empty_hour(start_us bigint) IS 'Takes all rows out of one hour of frames, at the end of the transaction that stored them as blocks. Readers are kept waiting for the commit only';
CREATE FUNCTION signal.ensure_partitions(parent text, starts_us bigint[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    SET lock_timeout TO '10s'
    AS $$
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
ALTER FUNCTION signal.ensure_partitions(parent text, starts_us bigint[]) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.ensure_partitions(parent text, starts_us bigint[]) IS 'Makes the partitions of frame, vital or beat that begin at the given times and are missing';
CREATE FUNCTION signal.erase_device_texts(device integer, start_us bigint, end_us bigint, and_later_state boolean) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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
ALTER FUNCTION signal.erase_device_texts(device integer, start_us bigint, end_us bigint, and_later_state boolean) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.erase_device_texts(device integer, start_us bigint, end_us bigint, and_later_state boolean) IS 'Removes what people wrote to a device in a time and what it answered: commands, the rest of a message that was never whole, and with and_later_state texts of the configuration that are there now (the device itself keeps them until it is configured anew)';
CREATE FUNCTION signal.erase_device_time(device integer, start_us bigint, end_us bigint, most integer DEFAULT 5000) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $_$
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
$_$;
ALTER FUNCTION signal.erase_device_time(device integer, start_us bigint, end_us bigint, most integer) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.erase_device_time(device integer, start_us bigint, end_us bigint, most integer) IS 'Removes rows of what a device sent in a time, so many a table; {} when nothing is left. Blocks are not among them: storage takes the minutes apart at the ends';
CREATE FUNCTION signal.erase_files(device integer, start_us bigint, end_us bigint) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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
ALTER FUNCTION signal.erase_files(device integer, start_us bigint, end_us bigint) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.erase_files(device integer, start_us bigint, end_us bigint) IS 'Removes files of a device that were recorded in a time, or came in it and are not read';
CREATE FUNCTION signal.erase_patient_records(request integer) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $_$
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
$_$;
ALTER FUNCTION signal.erase_patient_records(request integer) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.erase_patient_records(request integer) IS 'The last step of an erasure: removes the rows of the patient from every table with a patient_id, the account included, and empties the patient''s own row. The audit trail, the request and the certificate stay';
CREATE FUNCTION signal.erase_patient_rows(patient integer, until_us bigint) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $_$
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
$_$;
ALTER FUNCTION signal.erase_patient_rows(patient integer, until_us bigint) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.erase_patient_rows(patient integer, until_us bigint) IS 'Removes vital signs, their minutes and hours and the events of a patient before a time';
CREATE FUNCTION signal.fence_patient(request integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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
ALTER FUNCTION signal.fence_patient(request integer) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.fence_patient(request integer) IS 'The first step of an erasure: ends the patient''s assignments and has nothing of the patient let in any more';
CREATE FUNCTION signal.hold_hour(start_us bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    SET lock_timeout TO '2s'
    AS $$
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
ALTER FUNCTION signal.hold_hour(start_us bigint) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.hold_hour(start_us bigint) IS 'Keeps writers out of one hour of frames until the end of the transaction; false without it';
CREATE FUNCTION signal.is_code(measure smallint) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (measure = ANY (ARRAY[12, 31, 32, 33]));
ALTER FUNCTION signal.is_code(measure smallint) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.is_code(measure smallint) IS 'Whether the values of a measure are codes: posture, room, doing, effort; as shared/contracts/measures.py says, which a test compares';
CREATE FUNCTION signal.most_of_codes(given jsonb) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT (jsonb_each_text.key)::double precision AS key FROM jsonb_each_text(most_of_codes.given) jsonb_each_text(key, value) ORDER BY (jsonb_each_text.value)::bigint DESC, (jsonb_each_text.key)::bigint LIMIT 1);
ALTER FUNCTION signal.most_of_codes(given jsonb) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.most_of_codes(given jsonb) IS 'The code that is most often counted, the lower of two that are as often';
CREATE FUNCTION signal.partition_name(parent text, start_us bigint) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog'
    AS $$
    select parent || '_' || to_char(
        to_timestamp(start_us / 1000000) at time zone 'UTC',
        case when signal.partition_width_us(parent) < 86400000000
            then 'YYYYMMDDHH24' else 'YYYYMMDD' end)
$$;
ALTER FUNCTION signal.partition_name(parent text, start_us bigint) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.partition_name(parent text, start_us bigint) IS 'Name of the partition that ensure_partitions makes for this start';
CREATE FUNCTION signal.partition_starts(parent text) RETURNS SETOF bigint
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog'
    AS $$
    select (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''?(-?\d+)''?\)'))[1]::bigint
    from pg_class c
    join pg_inherits i on i.inhrelid = c.oid
    join pg_class p on p.oid = i.inhparent
    join pg_namespace s on s.oid = p.relnamespace
    where s.nspname = 'signal' and p.relname = parent
    order by 1
$$;
ALTER FUNCTION signal.partition_starts(parent text) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.partition_starts(parent text) IS 'Where the partitions that are there begin';
CREATE FUNCTION signal.partition_width_us(parent text) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog'
    AS $$
    select case parent
        when 'frame' then 3600000000
        when 'block' then 86400000000
        when 'vital' then 86400000000
        when 'beat' then 86400000000
        when 'vital_minute' then 7 * 86400000000
        when 'vital_hour' then 91 * 86400000000
    end
$$;
ALTER FUNCTION signal.partition_width_us(parent text) OWNER TO vw_admin;
CREATE FUNCTION signal.remove_old_commands(before_us bigint, most integer DEFAULT 2000) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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
ALTER FUNCTION signal.remove_old_commands(before_us bigint, most integer) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.remove_old_commands(before_us bigint, most integer) IS 'Removes commands that were asked for before a time, so many; 0 when none is left';
CREATE FUNCTION signal.remove_old_files(before_us bigint, most integer DEFAULT 2000) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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
ALTER FUNCTION signal.remove_old_files(before_us bigint, most integer) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.remove_old_files(before_us bigint, most integer) IS 'Removes files that ended before a time, those that were never whole for 7 days, and what is left of parts; so many, 0 when none is left';
CREATE FUNCTION signal.tune_hour(part regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
begin
    execute format('alter table %s set (autovacuum_vacuum_insert_threshold = -1,
        autovacuum_analyze_threshold = 100000, autovacuum_analyze_scale_factor = 1)', part);
end
$$;
ALTER FUNCTION signal.tune_hour(part regclass) OWNER TO vw_admin;
COMMENT ON FUNCTION signal.tune_hour(part regclass) IS 'Settings of one partition of frame: a partitioned table has none that its parts would take';
CREATE TABLE access.account (
    id integer NOT NULL,
    username text NOT NULL,
    display_name text NOT NULL,
    role text NOT NULL,
    patient_id integer,
    oidc_subject text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    disabled_at timestamp with time zone,
    CONSTRAINT account_check CHECK (((role = 'patient'::text) = (patient_id IS NOT NULL))),
    CONSTRAINT account_display_name_check CHECK (((length(display_name) >= 1) AND (length(display_name) <= 200))),
    CONSTRAINT account_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'clinician'::text, 'nurse'::text, 'technician'::text, 'patient'::text, 'viewer'::text]))),
    CONSTRAINT account_username_check CHECK ((username ~ '^[a-z0-9._@-]{2,80}$'::text))
);
ALTER TABLE access.account OWNER TO vw_admin;
COMMENT ON TABLE access.account IS 'People who log in; a patient''s account points at the patient. Retention: 1 year disabled';
ALTER TABLE access.account ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME access.account_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE access.care_team (
    id integer NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    ward_id integer,
    CONSTRAINT care_team_key_check CHECK ((key ~ '^[a-z0-9-]{1,40}$'::text))
);
ALTER TABLE access.care_team OWNER TO vw_admin;
COMMENT ON TABLE access.care_team IS 'A team with a ward cares for whoever lies there; one without for those in care_team_patient. Retention: for ever';
ALTER TABLE access.care_team ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME access.care_team_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE access.care_team_patient (
    id bigint NOT NULL,
    care_team_id integer NOT NULL,
    patient_id integer NOT NULL,
    starts timestamp with time zone DEFAULT now() NOT NULL,
    ends timestamp with time zone,
    CONSTRAINT care_team_patient_check CHECK (((ends IS NULL) OR (ends > starts)))
);
ALTER TABLE access.care_team_patient OWNER TO vw_admin;
COMMENT ON TABLE access.care_team_patient IS 'Whom a team cares for. Retention: 10 years';
ALTER TABLE access.care_team_patient ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME access.care_team_patient_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE access.idempotency_key (
    account_id integer NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status smallint,
    response jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT idempotency_key_key_check CHECK (((length(key) >= 1) AND (length(key) <= 200)))
);
ALTER TABLE access.idempotency_key OWNER TO vw_admin;
COMMENT ON TABLE access.idempotency_key IS 'Answers of POSTs that may come again. Retention: 24 h';
CREATE TABLE access.membership (
    id bigint NOT NULL,
    care_team_id integer NOT NULL,
    account_id integer NOT NULL,
    starts timestamp with time zone DEFAULT now() NOT NULL,
    ends timestamp with time zone,
    CONSTRAINT membership_check CHECK (((ends IS NULL) OR (ends > starts)))
);
ALTER TABLE access.membership OWNER TO vw_admin;
COMMENT ON TABLE access.membership IS 'Who belonged to which team when. Retention: 10 years';
ALTER TABLE access.membership ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME access.membership_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE access.password (
    account_id integer NOT NULL,
    password_hash text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    must_change boolean DEFAULT false NOT NULL,
    CONSTRAINT password_password_hash_check CHECK ((password_hash ~~ '$argon2id$%'::text))
);
ALTER TABLE access.password OWNER TO vw_admin;
COMMENT ON TABLE access.password IS 'Apart from the account, so that only api can read it';
CREATE TABLE access.refresh_token (
    token_hash bytea NOT NULL,
    session_id uuid NOT NULL,
    issued_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT refresh_token_token_hash_check CHECK ((length(token_hash) = 32))
);
ALTER TABLE access.refresh_token OWNER TO vw_admin;
COMMENT ON TABLE access.refresh_token IS 'SHA-256 of each token of a session; one that comes a second time ends the session. Retention: with the session';
CREATE TABLE access.relation (
    id bigint NOT NULL,
    account_id integer NOT NULL,
    patient_id integer NOT NULL,
    kind text NOT NULL,
    scope jsonb DEFAULT '{}'::jsonb NOT NULL,
    reason text,
    starts timestamp with time zone DEFAULT now() NOT NULL,
    ends timestamp with time zone,
    CONSTRAINT relation_check CHECK (((ends IS NULL) OR (ends > starts))),
    CONSTRAINT relation_check1 CHECK (((kind <> 'break_glass'::text) OR ((reason IS NOT NULL) AND (ends IS NOT NULL)))),
    CONSTRAINT relation_kind_check CHECK ((kind = ANY (ARRAY['responsible'::text, 'treating'::text, 'consulting'::text, 'on_duty'::text, 'relative'::text, 'break_glass'::text]))),
    CONSTRAINT relation_reason_check CHECK ((length(reason) <= 1000))
);
ALTER TABLE access.relation OWNER TO vw_admin;
COMMENT ON TABLE access.relation IS 'One person to one patient; break_glass always has a reason and an end. Retention: 10 years';
ALTER TABLE access.relation ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME access.relation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE access.session (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    account_id integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    revoked_because text
);
ALTER TABLE access.session OWNER TO vw_admin;
COMMENT ON TABLE access.session IS 'One log-in. Retention: 30 days after its end';
CREATE TABLE alarm.action (
    id text NOT NULL,
    patient_id integer NOT NULL,
    body jsonb NOT NULL,
    taken_us bigint NOT NULL,
    done_us bigint,
    outcome text,
    CONSTRAINT action_id_check CHECK (((length(id) >= 1) AND (length(id) <= 100))),
    CONSTRAINT action_outcome_check CHECK ((outcome = ANY (ARRAY['done'::text, 'too_late'::text, 'unknown'::text])))
);
ALTER TABLE alarm.action OWNER TO vw_admin;
COMMENT ON TABLE alarm.action IS 'What people asked to be done to alarms, once by id; carried out by the owner of the patient''s lane. Retention: 10 years';
CREATE TABLE alarm.alarm (
    patient_id integer NOT NULL,
    id text NOT NULL,
    device_id integer DEFAULT 0 NOT NULL,
    condition text NOT NULL,
    kind text NOT NULL,
    priority text NOT NULL,
    state text NOT NULL,
    revision integer NOT NULL,
    since_us bigint NOT NULL,
    updated_us bigint NOT NULL,
    ended_us bigint,
    ended_because text,
    acknowledged_by integer,
    data jsonb NOT NULL,
    CONSTRAINT alarm_check CHECK (((state = 'ended'::text) = (ended_us IS NOT NULL))),
    CONSTRAINT alarm_check1 CHECK (((state = 'ended'::text) = (ended_because IS NOT NULL))),
    CONSTRAINT alarm_condition_check CHECK ((condition ~ '^[a-z0-9_]{2,40}$'::text)),
    CONSTRAINT alarm_ended_because_check CHECK ((ended_because = ANY (ARRAY['cleared'::text, 'seen'::text, 'again'::text, 'switched_off'::text]))),
    CONSTRAINT alarm_kind_check CHECK ((kind = ANY (ARRAY['physiological'::text, 'technical'::text]))),
    CONSTRAINT alarm_priority_check CHECK ((priority = ANY (ARRAY['high'::text, 'medium'::text, 'low'::text]))),
    CONSTRAINT alarm_revision_check CHECK ((revision >= 1)),
    CONSTRAINT alarm_state_check CHECK ((state = ANY (ARRAY['active'::text, 'acknowledged'::text, 'cleared'::text, 'ended'::text])))
);
ALTER TABLE alarm.alarm OWNER TO vw_admin;
COMMENT ON TABLE alarm.alarm IS 'One row an occurrence. data = the alarm as its newest event carries it, for the api to show. state cleared = the cause has ended and nobody has seen it; ended = of the past. Retention: 10 years';
CREATE TABLE alarm.lane (
    lane smallint NOT NULL,
    saves bigint NOT NULL,
    now_us bigint DEFAULT 0 NOT NULL
);
ALTER TABLE alarm.lane OWNER TO vw_admin;
COMMENT ON TABLE alarm.lane IS 'Counts the saves of each lane: who finds another number than it left has lost the lane to another process, and reads everything again. Retention: for ever';
COMMENT ON COLUMN alarm.lane.now_us IS 'Up to when deadlines have taken effect: the arrival time of a value, or the clock when idle';
CREATE TABLE alarm.limit_in_force (
    patient_id integer NOT NULL,
    measure text NOT NULL,
    low real,
    high real,
    extreme_low real,
    extreme_high real,
    enabled boolean NOT NULL,
    delay_s real NOT NULL,
    source text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE alarm.limit_in_force OWNER TO vw_admin;
COMMENT ON TABLE alarm.limit_in_force IS 'The limits that the rules use for a patient now: defaults by age under those of site, ward and patient in registry.alarm_limit; source tells which. Retention: with the patient';
CREATE TABLE alarm.outbox (
    place bigint NOT NULL,
    patient_id integer NOT NULL,
    lane smallint NOT NULL,
    exchange text NOT NULL,
    message_id text NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT outbox_exchange_check CHECK ((exchange = ANY (ARRAY['events'::text, 'notices'::text])))
);
ALTER TABLE alarm.outbox OWNER TO vw_admin;
COMMENT ON TABLE alarm.outbox IS 'Events and notices that were decided and whose confirm by RabbitMQ is still open. Retention: until confirmed';
ALTER TABLE alarm.outbox ALTER COLUMN place ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME alarm.outbox_place_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE alarm."position" (
    incarnation integer NOT NULL,
    stream text NOT NULL,
    lane smallint NOT NULL,
    next_offset bigint NOT NULL,
    saved_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE alarm."position" OWNER TO vw_admin;
COMMENT ON TABLE alarm."position" IS 'The offset of a stream from which the patients of a lane read on. Retention: newest incarnations';
CREATE TABLE alarm.watch (
    patient_id integer NOT NULL,
    state jsonb NOT NULL,
    due_us bigint,
    saved_at timestamp with time zone DEFAULT now() NOT NULL
)
WITH (fillfactor='70');
ALTER TABLE alarm.watch OWNER TO vw_admin;
COMMENT ON TABLE alarm.watch IS 'What the rules remember of a patient, with the next deadline (due_us): delays that run, silence, alarms that return. Saved together with alarm.position. Retention: with the patient';
CREATE VIEW audit.act AS
 SELECT ((('act.'::text || e.chain) || '.'::text) || e.n) AS id,
    e.at_us AS t,
    e.action AS kind,
        CASE e.outcome
            WHEN 'refused'::text THEN 'low'::text
            ELSE 'info'::text
        END AS severity,
    'api'::text AS source,
    e.action AS text_key,
    e.detail AS data,
    e.actor,
    e.outcome,
    e.reason,
    e.patient_id,
    e.device_id
   FROM audit.entry e
  WHERE (("left"(e.action, 5) <> 'read_'::text) AND (e.action <> ALL (ARRAY['watch'::text, 'refresh'::text])) AND ((e.outcome <> 'granted'::text) OR (e.patient_id IS NULL) OR (e.device_id IS NOT NULL) OR (e.reason IS NOT NULL) OR (e.detail <> '{}'::jsonb)));
ALTER TABLE audit.act OWNER TO vw_admin;
COMMENT ON VIEW audit.act IS 'What people did or tried, as the event log tells it; most entries are reads, which it leaves out';
CREATE TABLE audit.chain (
    chain text NOT NULL,
    last_n bigint NOT NULL,
    last_hash bytea NOT NULL
);
ALTER TABLE audit.chain OWNER TO vw_admin;
COMMENT ON TABLE audit.chain IS 'The newest link of each chain; one chain a writing role';
CREATE TABLE dsp.correction (
    device_id integer NOT NULL,
    stream smallint NOT NULL,
    start_us bigint NOT NULL,
    end_us bigint NOT NULL,
    revision smallint NOT NULL,
    done_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT correction_revision_check CHECK ((revision >= 1))
);
ALTER TABLE dsp.correction OWNER TO vw_admin;
COMMENT ON TABLE dsp.correction IS 'Time whose values were given out again, and in which revision; the next one that touches it is higher. Retention: with the vital signs';
CREATE TABLE dsp.late_interval (
    device_id integer NOT NULL,
    stream smallint NOT NULL,
    start_us bigint NOT NULL,
    end_us bigint NOT NULL,
    lane smallint NOT NULL,
    incarnation integer NOT NULL,
    after_stream text NOT NULL,
    after_offset bigint NOT NULL,
    noted_at timestamp with time zone DEFAULT now() NOT NULL,
    shown_us bigint,
    due_us bigint DEFAULT 0 NOT NULL,
    CONSTRAINT late_interval_check CHECK ((end_us > start_us))
);
ALTER TABLE dsp.late_interval OWNER TO vw_admin;
COMMENT ON TABLE dsp.late_interval IS 'Samples came for this time after it was computed: to be computed again when storage has committed the message (after_stream, after_offset). Retention: until done';
COMMENT ON COLUMN dsp.late_interval.shown_us IS 'Values before this time (us UTC) are computed with the late samples; null: none yet';
COMMENT ON COLUMN dsp.late_interval.due_us IS 'Looked at again when all samples of before this time (us UTC) are stored; 0: at once';
CREATE TABLE dsp."position" (
    incarnation integer NOT NULL,
    stream text NOT NULL,
    replay_offset bigint NOT NULL,
    watermark_us bigint NOT NULL,
    saved_at timestamp with time zone DEFAULT now() NOT NULL,
    given_offset bigint DEFAULT '-1'::integer NOT NULL
);
ALTER TABLE dsp."position" OWNER TO vw_admin;
COMMENT ON TABLE dsp."position" IS 'Where a replay begins to rebuild the windows (replay_offset), and up to which message of the stream all output was given out (given_offset, of that arrival: watermark_us). Retention: newest incarnations';
CREATE TABLE dsp.stance (
    stance_id integer NOT NULL,
    from_us bigint NOT NULL,
    chest double precision[],
    thigh double precision[],
    refusal text,
    CONSTRAINT stance_check CHECK ((((chest IS NULL) = (refusal IS NOT NULL)) AND ((thigh IS NULL) = (refusal IS NOT NULL)))),
    CONSTRAINT stance_chest_check CHECK ((cardinality(chest) = 3)),
    CONSTRAINT stance_refusal_check CHECK ((refusal = ANY (ARRAY['no_samples'::text, 'moved'::text, 'upside_down'::text]))),
    CONSTRAINT stance_thigh_check CHECK ((cardinality(thigh) = 3))
);
ALTER TABLE dsp.stance OWNER TO vw_admin;
COMMENT ON TABLE dsp.stance IS 'What the samples of a told stance said: where up was in the axes of chest and thigh, from from_us (us UTC) on and until the next one or the end of the assignment; or why they said nothing. Written by dsp. Retention: with the told stance';
CREATE TABLE gateway.clock_correction (
    device_id integer NOT NULL,
    boot bigint NOT NULL,
    at_us bigint NOT NULL,
    correction_us bigint NOT NULL
);
ALTER TABLE gateway.clock_correction OWNER TO vw_admin;
COMMENT ON TABLE gateway.clock_correction IS 'Slow drift found later, applied on read; stored times never move. Retention: with the frames';
CREATE TABLE gateway.clock_segment (
    device_id integer NOT NULL,
    boot bigint NOT NULL,
    from_n bigint NOT NULL,
    offset_us bigint NOT NULL,
    flags integer DEFAULT 0 NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT clock_segment_boot_check CHECK (((boot >= 0) AND (boot <= '4294967295'::bigint))),
    CONSTRAINT clock_segment_from_n_check CHECK (((from_n >= 0) AND (from_n <= '4294967295'::bigint)))
);
ALTER TABLE gateway.clock_segment OWNER TO vw_admin;
COMMENT ON TABLE gateway.clock_segment IS 'Device time + offset_us = UTC for messages from from_n on, until the next segment; never changed once written. Retention: with the frames';
CREATE TABLE gateway.command (
    id uuid NOT NULL,
    device_id integer NOT NULL,
    name text NOT NULL,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    requested_by text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    outcome text,
    detail text,
    finished_at timestamp with time zone,
    sends smallint DEFAULT 0 NOT NULL,
    taken_at timestamp with time zone DEFAULT now() NOT NULL,
    told_at timestamp with time zone,
    CONSTRAINT command_outcome_check CHECK ((outcome = ANY (ARRAY['done'::text, 'refused'::text, 'failed'::text, 'expired'::text, 'unknown'::text])))
);
ALTER TABLE gateway.command OWNER TO vw_admin;
COMMENT ON TABLE gateway.command IS 'Commands taken from the queue. Retention: 1 year';
COMMENT ON COLUMN gateway.command.sends IS 'How often it was given to MQTT, raised before each time; more than once only after the device said that it had not seen it';
COMMENT ON COLUMN gateway.command.told_at IS 'When the event of the outcome was durable';
CREATE TABLE gateway.device_counter (
    device_id integer NOT NULL,
    kind text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    n bigint NOT NULL,
    newest_at timestamp with time zone NOT NULL,
    CONSTRAINT device_counter_kind_check CHECK ((kind = ANY (ARRAY['messages'::text, 'refused'::text])))
);
ALTER TABLE gateway.device_counter OWNER TO vw_admin;
COMMENT ON TABLE gateway.device_counter IS 'Messages of a device taken, and refused by reason. Written behind: a killed gateway loses the last seconds of it. Retention: the device';
CREATE TABLE gateway.file (
    id uuid NOT NULL,
    device_id integer NOT NULL,
    patient_id integer,
    name text NOT NULL,
    format text NOT NULL,
    total integer NOT NULL,
    options jsonb DEFAULT '{}'::jsonb NOT NULL,
    sent_by text DEFAULT ''::text NOT NULL,
    state text DEFAULT 'receiving'::text NOT NULL,
    digest bytea,
    crc32 bigint,
    reason text,
    detail text,
    line integer,
    byte_offset integer,
    attempts integer DEFAULT 0 NOT NULL,
    n_pieces integer DEFAULT 0 NOT NULL,
    n_stored integer DEFAULT 0 NOT NULL,
    n_frames integer DEFAULT 0 NOT NULL,
    starts_us bigint,
    ends_us bigint,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT file_check CHECK (((state = ANY (ARRAY['stored'::text, 'refused'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT file_detail_check CHECK ((length(detail) <= 500)),
    CONSTRAINT file_digest_check CHECK ((length(digest) = 32)),
    CONSTRAINT file_format_check CHECK ((format ~ '^[a-z0-9_]{1,40}$'::text)),
    CONSTRAINT file_name_check CHECK ((name ~ '^[^/\\[:cntrl:]]{1,120}$'::text)),
    CONSTRAINT file_state_check CHECK ((state = ANY (ARRAY['receiving'::text, 'complete'::text, 'reading'::text, 'stored'::text, 'refused'::text]))),
    CONSTRAINT file_total_check CHECK (((total >= 1) AND (total <= 67108864)))
);
ALTER TABLE gateway.file OWNER TO vw_admin;
COMMENT ON TABLE gateway.file IS 'Files of devices, and what became of them; sent_by is empty where the device itself sent it, patient_id who is meant, where a person said so; crc32 of the whole, once it was read. Retention: 7 days where it is never whole, then as commands';
CREATE TABLE gateway.file_part (
    file_id uuid NOT NULL,
    starts integer NOT NULL,
    size integer NOT NULL,
    crc32 bigint NOT NULL,
    content bytea,
    CONSTRAINT file_part_check CHECK (((content IS NULL) OR (length(content) = size))),
    CONSTRAINT file_part_size_check CHECK ((size > 0)),
    CONSTRAINT file_part_starts_check CHECK ((starts >= 0))
);
ALTER TABLE ONLY gateway.file_part ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE gateway.file_part OWNER TO vw_admin;
COMMENT ON TABLE gateway.file_part IS 'Parts of files; without content when the file has ended: what comes again is known by its checksum. Retention: 7 days';
CREATE TABLE gateway.presence (
    device_id integer NOT NULL,
    online boolean NOT NULL,
    boot bigint,
    device_t_us bigint,
    changed_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    firmware text,
    battery_percent real,
    rssi_dbm real,
    buffered integer,
    reported jsonb DEFAULT '{}'::jsonb NOT NULL
);
ALTER TABLE gateway.presence OWNER TO vw_admin;
COMMENT ON TABLE gateway.presence IS 'The newest up/status of each device. Retention: the device';
CREATE TABLE gateway.rest (
    device_id integer NOT NULL,
    codec text NOT NULL,
    boot bigint NOT NULL,
    n bigint NOT NULL,
    rest bytea NOT NULL,
    received_us bigint NOT NULL,
    CONSTRAINT rest_boot_check CHECK (((boot >= 0) AND (boot <= '4294967295'::bigint))),
    CONSTRAINT rest_codec_check CHECK (((length(codec) >= 1) AND (length(codec) <= 40))),
    CONSTRAINT rest_n_check CHECK (((n >= 0) AND (n <= '4294967295'::bigint))),
    CONSTRAINT rest_rest_check CHECK ((length(rest) <= 1048576))
);
ALTER TABLE gateway.rest OWNER TO vw_admin;
COMMENT ON TABLE gateway.rest IS 'What a native byte stream had left after message n: with it message n + 1 is cut the same way whenever it comes. Never changed once written; an empty one says that n + 1 was read without what came before. Retention: a day, and the newest 2,000 of a device';
CREATE TABLE registry.alarm_limit (
    id bigint NOT NULL,
    patient_id integer,
    ward_id integer,
    measure text NOT NULL,
    low real,
    high real,
    enabled boolean DEFAULT true NOT NULL,
    delay_s real,
    priority text,
    version integer DEFAULT 1 NOT NULL,
    reason text,
    changed_by text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT alarm_limit_check CHECK ((num_nonnulls(patient_id, ward_id) <= 1)),
    CONSTRAINT alarm_limit_check1 CHECK (((low IS NULL) OR (high IS NULL) OR (low < high))),
    CONSTRAINT alarm_limit_delay_s_check CHECK (((delay_s >= (0)::double precision) AND (delay_s <= (300)::double precision))),
    CONSTRAINT alarm_limit_measure_check CHECK ((measure ~ '^[a-z0-9_]{2,40}$'::text)),
    CONSTRAINT alarm_limit_priority_check CHECK ((priority = ANY (ARRAY['high'::text, 'medium'::text, 'low'::text]))),
    CONSTRAINT alarm_limit_reason_check CHECK ((length(reason) <= 1000))
);
ALTER TABLE registry.alarm_limit OWNER TO vw_admin;
COMMENT ON TABLE registry.alarm_limit IS 'Limits over the defaults by age of the program: of the site (neither id), of a ward, of a patient; the most special counts. Retention: with the patient; history is in audit';
ALTER TABLE registry.alarm_limit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME registry.alarm_limit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE registry.assignment (
    id bigint NOT NULL,
    device_id integer NOT NULL,
    patient_id integer NOT NULL,
    starts timestamp with time zone DEFAULT now() NOT NULL,
    ends timestamp with time zone,
    assigned_by text DEFAULT 'system'::text NOT NULL,
    CONSTRAINT assignment_check CHECK (((ends IS NULL) OR (ends > starts)))
);
ALTER TABLE registry.assignment OWNER TO vw_admin;
COMMENT ON TABLE registry.assignment IS 'Which patient wore which device, [starts, ends). Retention: as long as the data it explains';
ALTER TABLE registry.assignment ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME registry.assignment_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE registry.bed (
    id integer NOT NULL,
    ward_id integer NOT NULL,
    key text NOT NULL,
    label text NOT NULL,
    CONSTRAINT bed_key_check CHECK ((key ~ '^[A-Za-z0-9-]{1,20}$'::text)),
    CONSTRAINT bed_label_check CHECK (((length(label) >= 1) AND (length(label) <= 100)))
);
ALTER TABLE registry.bed OWNER TO vw_admin;
COMMENT ON TABLE registry.bed IS 'Retention: for ever';
ALTER TABLE registry.bed ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME registry.bed_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE registry.claim_code (
    device_id integer NOT NULL,
    salt bytea NOT NULL,
    code_hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    failures smallint DEFAULT 0 NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT claim_code_code_hash_check CHECK ((length(code_hash) = 32)),
    CONSTRAINT claim_code_salt_check CHECK ((length(salt) = 16))
);
ALTER TABLE registry.claim_code OWNER TO vw_admin;
COMMENT ON TABLE registry.claim_code IS 'Who knows the code may put the device on a patient of theirs, once; only its salted hash is here, and five wrong ones end it. Retention: until used or expired';
CREATE TABLE registry.command (
    id uuid NOT NULL,
    device_id integer NOT NULL,
    name text NOT NULL,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT command_name_check CHECK (((length(name) >= 1) AND (length(name) <= 40)))
);
ALTER TABLE registry.command OWNER TO vw_admin;
COMMENT ON TABLE registry.command IS 'Commands as they were asked for; what became of them is in gateway.command, which has no row before the gateway has taken them. Retention: 1 year';
CREATE TABLE registry.deployment (
    only_row boolean DEFAULT true NOT NULL,
    lanes smallint NOT NULL,
    incarnation integer NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT deployment_incarnation_check CHECK ((incarnation >= 0)),
    CONSTRAINT deployment_lanes_check CHECK ((lanes = ANY (ARRAY[1, 2, 4, 8, 16, 32, 64]))),
    CONSTRAINT deployment_only_row_check CHECK (only_row)
);
ALTER TABLE registry.deployment OWNER TO vw_admin;
COMMENT ON TABLE registry.deployment IS 'The one row that all processes read at start; changed by vitalwire migrate and lanes. incarnation counts how often the streams were made anew; 0 = not yet. Retention: for ever';
CREATE TABLE registry.device (
    id integer NOT NULL,
    device text NOT NULL,
    shard smallint NOT NULL,
    model text NOT NULL,
    simulated boolean DEFAULT false NOT NULL,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    note text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    retired_at timestamp with time zone,
    parent_id integer,
    unit_kind text,
    CONSTRAINT device_device_check CHECK ((device ~ '^[a-z0-9-]{3,40}$'::text)),
    CONSTRAINT device_model_check CHECK (((length(model) >= 1) AND (length(model) <= 80))),
    CONSTRAINT device_note_check CHECK ((length(note) <= 1000)),
    CONSTRAINT device_shard_check CHECK (((shard >= 0) AND (shard <= 255))),
    CONSTRAINT device_unit_is_named_after_its_hub CHECK (((parent_id IS NULL) OR (device ~ '^[a-z0-9-]+--[a-z0-9]{1,10}$'::text))),
    CONSTRAINT device_unit_kind_check CHECK (((length(unit_kind) >= 1) AND (length(unit_kind) <= 40)))
);
ALTER TABLE registry.device OWNER TO vw_admin;
COMMENT ON TABLE registry.device IS 'device is the name on the wire, shard the lowest byte of its CRC-32, settings what this one device lays over its model. Retention: for ever';
COMMENT ON COLUMN registry.device.parent_id IS 'The hub that speaks for this unit; null for a device that speaks for itself';
COMMENT ON COLUMN registry.device.unit_kind IS 'What its hub calls a unit of this kind';
CREATE TABLE registry.device_configuration (
    device_id integer NOT NULL,
    version integer NOT NULL,
    configuration jsonb NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT device_configuration_version_check CHECK ((version >= 1))
);
ALTER TABLE registry.device_configuration OWNER TO vw_admin;
COMMENT ON TABLE registry.device_configuration IS 'What is wished of a device; what it reports is in gateway.presence. Retention: the device; history is in audit';
CREATE TABLE registry.device_credential (
    id integer NOT NULL,
    device_id integer NOT NULL,
    password_hash text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone
);
ALTER TABLE registry.device_credential OWNER TO vw_admin;
COMMENT ON TABLE registry.device_credential IS 'One in force a device; password_hash as mosquitto takes it. Retention: 1 year after revoked';
ALTER TABLE registry.device_credential ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME registry.device_credential_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE registry.device_group (
    id integer NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT device_group_key_check CHECK ((key ~ '^[a-z0-9-]{1,40}$'::text)),
    CONSTRAINT device_group_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);
ALTER TABLE registry.device_group OWNER TO vw_admin;
COMMENT ON TABLE registry.device_group IS 'Devices that are managed together. Retention: for ever';
ALTER TABLE registry.device_group ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME registry.device_group_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE registry.device_group_member (
    group_id integer NOT NULL,
    device_id integer NOT NULL
);
ALTER TABLE registry.device_group_member OWNER TO vw_admin;
COMMENT ON TABLE registry.device_group_member IS 'Retention: for ever';
ALTER TABLE registry.device ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME registry.device_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE registry.erasure_request (
    id integer NOT NULL,
    patient_id integer NOT NULL,
    reason text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT erasure_request_reason_check CHECK (((length(reason) >= 3) AND (length(reason) <= 1000)))
);
ALTER TABLE registry.erasure_request OWNER TO vw_admin;
COMMENT ON TABLE registry.erasure_request IS 'Patients whose data an administrator has ordered to be erased; storage carries it out and answers in signal.erasure. Retention: for ever';
ALTER TABLE registry.erasure_request ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME registry.erasure_request_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE registry.lane_change (
    id integer NOT NULL,
    from_lanes smallint NOT NULL,
    from_incarnation integer NOT NULL,
    to_lanes smallint NOT NULL,
    to_incarnation integer NOT NULL,
    phase text DEFAULT 'pausing'::text NOT NULL,
    hold_until timestamp with time zone NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    switched_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT lane_change_check CHECK ((to_incarnation > from_incarnation)),
    CONSTRAINT lane_change_check1 CHECK (((phase = ANY (ARRAY['done'::text, 'given_up'::text])) = (ended_at IS NOT NULL))),
    CONSTRAINT lane_change_from_incarnation_check CHECK ((from_incarnation > 0)),
    CONSTRAINT lane_change_from_lanes_check CHECK ((from_lanes = ANY (ARRAY[1, 2, 4, 8, 16, 32, 64]))),
    CONSTRAINT lane_change_phase_check CHECK ((phase = ANY (ARRAY['pausing'::text, 'computing'::text, 'writing'::text, 'switched'::text, 'done'::text, 'given_up'::text]))),
    CONSTRAINT lane_change_to_lanes_check CHECK ((to_lanes = ANY (ARRAY[1, 2, 4, 8, 16, 32, 64])))
);
ALTER TABLE registry.lane_change OWNER TO vw_admin;
COMMENT ON TABLE registry.lane_change IS 'Changes of the number of lanes. Until it is switched a change holds only until hold_until, which its command moves on each second: then everybody goes on as before. to_incarnation is never used twice, not even after a change that was given up. Retention: for ever';
ALTER TABLE registry.lane_change ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME registry.lane_change_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE registry.lane_left (
    change_id integer NOT NULL,
    service text NOT NULL,
    lane smallint NOT NULL,
    left_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT lane_left_lane_check CHECK (((lane >= 0) AND (lane <= 64))),
    CONSTRAINT lane_left_service_check CHECK ((service = ANY (ARRAY['gateway'::text, 'dsp'::text, 'storage'::text, 'alarms'::text])))
);
ALTER TABLE registry.lane_left OWNER TO vw_admin;
COMMENT ON TABLE registry.lane_left IS 'Lanes on which a service has done all that there was and works no more until the change has ended; storage has one lane more, the events. Retention: for ever';
CREATE TABLE registry.next_credential (
    device_id integer NOT NULL,
    password_hash text NOT NULL,
    takes_effect_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE registry.next_credential OWNER TO vw_admin;
COMMENT ON TABLE registry.next_credential IS 'A secret that replaces the one in force when it is confirmed, at the latest at takes_effect_at: a broker knows one secret a device. Retention: until then';
CREATE TABLE registry.patient (
    id integer NOT NULL,
    key text NOT NULL,
    initials text NOT NULL,
    name text,
    birth_date date,
    sex text,
    profile jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    erased_at timestamp with time zone,
    CONSTRAINT patient_initials_check CHECK (((length(initials) >= 1) AND (length(initials) <= 12))),
    CONSTRAINT patient_key_check CHECK ((key ~ '^p-[a-z0-9]{5,20}$'::text)),
    CONSTRAINT patient_name_check CHECK ((length(name) <= 200)),
    CONSTRAINT patient_sex_check CHECK ((sex = ANY (ARRAY['female'::text, 'male'::text, 'other'::text, 'unknown'::text])))
);
ALTER TABLE registry.patient OWNER TO vw_admin;
COMMENT ON TABLE registry.patient IS 'key is what the outside sees. Retention: until erasure, which empties name and profile';
ALTER TABLE registry.patient ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME registry.patient_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE registry.patient_retention (
    patient_id integer NOT NULL,
    keep_days integer NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT patient_retention_keep_days_check CHECK (((keep_days >= 1) AND (keep_days <= 36500)))
);
ALTER TABLE registry.patient_retention OWNER TO vw_admin;
COMMENT ON TABLE registry.patient_retention IS 'Patients whose data goes earlier than the settings of storage say. Retention: the patient';
CREATE TABLE registry.place_map (
    id integer NOT NULL,
    site text NOT NULL,
    floor text NOT NULL,
    version integer NOT NULL,
    access_points text[] NOT NULL,
    n_points integer NOT NULL,
    points jsonb,
    digest bytea NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT place_map_access_points_check CHECK (((cardinality(access_points) >= 1) AND (cardinality(access_points) <= 64))),
    CONSTRAINT place_map_check CHECK (((points IS NULL) = (removed_at IS NOT NULL))),
    CONSTRAINT place_map_digest_check CHECK ((length(digest) = 32)),
    CONSTRAINT place_map_floor_check CHECK ((floor ~ '^[a-z0-9-]{1,40}$'::text)),
    CONSTRAINT place_map_n_points_check CHECK (((n_points >= 1) AND (n_points <= 5000))),
    CONSTRAINT place_map_site_check CHECK ((site ~ '^[a-z0-9-]{1,40}$'::text)),
    CONSTRAINT place_map_version_check CHECK ((version > 0))
);
ALTER TABLE registry.place_map OWNER TO vw_admin;
COMMENT ON TABLE registry.place_map IS 'Maps of floors; points are [x m, y m, number of the room in the map, heading or null, [dBm or null of each access point]]. Retention: for ever, without points once it is removed';
ALTER TABLE registry.place_map ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME registry.place_map_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE registry.place_room (
    id integer NOT NULL,
    map_id integer NOT NULL,
    n integer NOT NULL,
    name text NOT NULL,
    outline jsonb,
    CONSTRAINT place_room_id_check CHECK ((id < 16777216)),
    CONSTRAINT place_room_n_check CHECK ((n >= 0)),
    CONSTRAINT place_room_name_check CHECK (((length(name) >= 1) AND (length(name) <= 80)))
);
ALTER TABLE registry.place_room OWNER TO vw_admin;
COMMENT ON TABLE registry.place_room IS 'Rooms of maps. id is the value of the vital sign room, so it stays; outline: corners [x m, y m] or null. Retention: for ever';
ALTER TABLE registry.place_room ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME registry.place_room_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE registry.place_use (
    id integer NOT NULL,
    map_id integer NOT NULL,
    from_us bigint NOT NULL,
    until_us bigint,
    used_by text NOT NULL,
    CONSTRAINT place_use_check CHECK (((until_us IS NULL) OR (until_us >= from_us)))
);
ALTER TABLE registry.place_use OWNER TO vw_admin;
COMMENT ON TABLE registry.place_use IS 'When a map held, [from, until) in us UTC; of one floor one at a time. Retention: for ever';
ALTER TABLE registry.place_use ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME registry.place_use_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE registry.stance (
    id integer NOT NULL,
    device_id integer NOT NULL,
    patient_id integer NOT NULL,
    assignment_id bigint NOT NULL,
    at_us bigint NOT NULL,
    told_by text NOT NULL,
    until_us bigint,
    taken_back_by text,
    CONSTRAINT stance_taken_back CHECK (((until_us IS NULL) = (taken_back_by IS NULL)))
);
ALTER TABLE registry.stance OWNER TO vw_admin;
COMMENT ON TABLE registry.stance IS 'Somebody said that the wearer of a device stood upright and still for the seconds before at_us (us UTC). Retention: as long as the assignment';
COMMENT ON COLUMN registry.stance.until_us IS 'It was taken back and holds no longer from then on (us UTC, a whole second); before it holds as it did';
ALTER TABLE registry.stance ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME registry.stance_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE registry.stay (
    id bigint NOT NULL,
    patient_id integer NOT NULL,
    bed_id integer NOT NULL,
    starts timestamp with time zone DEFAULT now() NOT NULL,
    ends timestamp with time zone,
    CONSTRAINT stay_check CHECK (((ends IS NULL) OR (ends > starts)))
);
ALTER TABLE registry.stay OWNER TO vw_admin;
COMMENT ON TABLE registry.stay IS 'Which patient lay in which bed, [starts, ends). Retention: as the assignment';
ALTER TABLE registry.stay ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME registry.stay_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE registry.ward (
    id integer NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    time_zone text DEFAULT 'UTC'::text NOT NULL,
    CONSTRAINT ward_key_check CHECK ((key ~ '^[a-z0-9-]{1,40}$'::text)),
    CONSTRAINT ward_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);
ALTER TABLE registry.ward OWNER TO vw_admin;
COMMENT ON TABLE registry.ward IS 'Retention: for ever';
ALTER TABLE registry.ward ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME registry.ward_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE signal.beat (
    device_id integer NOT NULL,
    t bigint NOT NULL,
    kind smallint NOT NULL,
    class smallint NOT NULL,
    revision smallint NOT NULL,
    rr_ms real NOT NULL,
    quality real NOT NULL
)
PARTITION BY RANGE (t);
ALTER TABLE signal.beat OWNER TO vw_admin;
COMMENT ON TABLE signal.beat IS 'Beats and pulses (beats.v1), each in its highest revision; quality 0 = withdrawn by a later revision, rr_ms NaN after a gap. Partitions by day. Retention: setting of storage';
CREATE TABLE signal.block (
    device_id integer NOT NULL,
    stream smallint NOT NULL,
    place smallint NOT NULL,
    t0 bigint NOT NULL,
    first_us bigint NOT NULL,
    end_us bigint NOT NULL,
    n_frames integer NOT NULL,
    n_samples bigint NOT NULL,
    interval_ns bigint NOT NULL,
    channels smallint NOT NULL,
    flags integer NOT NULL,
    low double precision[] NOT NULL,
    high double precision[] NOT NULL,
    content bytea NOT NULL
)
PARTITION BY RANGE (t0);
ALTER TABLE ONLY signal.block ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE signal.block OWNER TO vw_admin;
COMMENT ON TABLE signal.block IS 'The frames of one device, stream and place that begin in one minute (t0 is its start), after compaction: content as in shared/contracts/sample_block.py gives them back exactly, identity and header included. An identity stands in a block or in signal.frame, never in both. The other columns are for lists and far zoom: first_us = t0 of the first frame; end_us = end of the last sample, beyond the minute where a frame reaches over it; n_samples a channel; interval_ns and channels of most samples; flags of any frame; low and high = least and greatest value of each channel in the unit of the stream, null without a sample. Partitions by day. Retention: setting of storage, and of the patient';
CREATE TABLE signal.conflict (
    device_id integer NOT NULL,
    boot bigint NOT NULL,
    n bigint NOT NULL,
    part smallint NOT NULL,
    t0 bigint NOT NULL,
    digest bytea NOT NULL,
    stream smallint NOT NULL,
    interval_ns bigint NOT NULL,
    received bigint NOT NULL,
    flags integer NOT NULL,
    channels smallint NOT NULL,
    format smallint NOT NULL,
    place smallint NOT NULL,
    scale real NOT NULL,
    add_offset real NOT NULL,
    samples bytea NOT NULL,
    reason text DEFAULT 'conflict'::text NOT NULL,
    found_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY signal.conflict ALTER COLUMN samples SET STORAGE EXTERNAL;
ALTER TABLE signal.conflict OWNER TO vw_admin;
COMMENT ON TABLE signal.conflict IS 'Frames refused because their identity is taken by other content, or because their time is not admitted (reason). digest = SHA-256 of the content. Retention: 1 year';
CREATE TABLE signal.erased_time (
    device_id integer NOT NULL,
    start_us bigint NOT NULL,
    end_us bigint NOT NULL,
    request_id integer NOT NULL,
    CONSTRAINT erased_time_check CHECK ((end_us > start_us))
);
ALTER TABLE signal.erased_time OWNER TO vw_admin;
COMMENT ON TABLE signal.erased_time IS 'When an erased patient wore which device: what comes for these times is settled and not stored. Names no person. Retention: for ever';
CREATE TABLE signal.erasure (
    request_id integer NOT NULL,
    patient_id integer NOT NULL,
    state text NOT NULL,
    fenced_at timestamp with time zone DEFAULT now() NOT NULL,
    done_at timestamp with time zone,
    removed jsonb DEFAULT '{}'::jsonb NOT NULL,
    certificate text,
    certificate_sha256 text,
    CONSTRAINT erasure_certificate_sha256_check CHECK ((certificate_sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT erasure_check CHECK (((state = 'done'::text) = (done_at IS NOT NULL))),
    CONSTRAINT erasure_check1 CHECK (((state = 'done'::text) = (certificate IS NOT NULL))),
    CONSTRAINT erasure_check2 CHECK (((state = 'done'::text) = (certificate_sha256 IS NOT NULL))),
    CONSTRAINT erasure_state_check CHECK ((state = ANY (ARRAY['fenced'::text, 'erasing'::text, 'done'::text])))
);
ALTER TABLE signal.erasure OWNER TO vw_admin;
COMMENT ON TABLE signal.erasure IS 'How far each ordered erasure is. fenced = nothing of the patient is let in any more; removed = rows of each table so far; certificate = JSON text that says what was removed and when, with its SHA-256. Retention: for ever';
CREATE TABLE signal.event (
    device_id integer DEFAULT 0 NOT NULL,
    id text NOT NULL,
    patient_id integer DEFAULT 0 NOT NULL,
    t bigint NOT NULL,
    kind text NOT NULL,
    severity text NOT NULL,
    source text NOT NULL,
    text_key text NOT NULL,
    data jsonb DEFAULT '{}'::jsonb NOT NULL,
    incarnation integer NOT NULL,
    stream_offset bigint NOT NULL
);
ALTER TABLE signal.event OWNER TO vw_admin;
COMMENT ON TABLE signal.event IS 'Events once each; (incarnation, stream_offset) is the place in the stream events where it came first, the cursor of the live socket. Retention: 10 years';
CREATE TABLE signal.frame (
    device_id integer NOT NULL,
    boot bigint NOT NULL,
    n bigint NOT NULL,
    part smallint NOT NULL,
    stream smallint NOT NULL,
    t0 bigint NOT NULL,
    interval_ns bigint NOT NULL,
    received bigint NOT NULL,
    flags integer NOT NULL,
    channels smallint NOT NULL,
    format smallint NOT NULL,
    place smallint NOT NULL,
    scale real NOT NULL,
    add_offset real NOT NULL,
    samples bytea NOT NULL
)
PARTITION BY RANGE (t0);
ALTER TABLE ONLY signal.frame ALTER COLUMN samples SET STORAGE EXTERNAL;
ALTER TABLE signal.frame OWNER TO vw_admin;
COMMENT ON TABLE signal.frame IS 'One frame a row as in frames.v1: value = sample * scale + add_offset, samples interleaved by channel, format 1 = int16, 3 = int32, 4 = float32, little-endian. Partitions by hour. Retention: setting of storage, by dropping partitions';
CREATE TABLE signal.received (
    device_id integer NOT NULL,
    boot bigint NOT NULL,
    n int8multirange NOT NULL
);
ALTER TABLE signal.received OWNER TO vw_admin;
COMMENT ON TABLE signal.received IS 'Identities of messages whose rows are no longer in frame. Retention: for ever';
CREATE TABLE signal.rollup_position (
    only_row boolean DEFAULT true NOT NULL,
    closed_to bigint DEFAULT 0 NOT NULL,
    done_to bigint DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT rollup_position_check CHECK ((done_to <= closed_to)),
    CONSTRAINT rollup_position_only_row_check CHECK (only_row)
);
ALTER TABLE signal.rollup_position OWNER TO vw_admin;
COMMENT ON TABLE signal.rollup_position IS 'Who writes a vital sign of before closed_to notes its minute in vital_dirty, in the same transaction; before done_to all minutes and hours were computed once. Retention: one row';
CREATE TABLE signal.stream_position (
    incarnation integer NOT NULL,
    stream text NOT NULL,
    last_offset bigint DEFAULT '-1'::integer NOT NULL,
    epoch bigint DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE signal.stream_position OWNER TO vw_admin;
COMMENT ON TABLE signal.stream_position IS 'The newest offset of each stream whose rows are committed, saved in the same transaction. epoch counts the owners: a writer that lost its lane cannot commit any more. Retention: newest incarnations';
CREATE TABLE signal.vital (
    patient_id integer NOT NULL,
    t bigint NOT NULL,
    device_id integer NOT NULL,
    received bigint NOT NULL,
    measure smallint[] NOT NULL,
    method smallint[] NOT NULL,
    value real[] NOT NULL,
    quality real[] NOT NULL,
    validity smallint[] NOT NULL,
    flags integer[] NOT NULL,
    revision smallint[] NOT NULL
)
PARTITION BY RANGE (t);
ALTER TABLE signal.vital OWNER TO vw_admin;
COMMENT ON TABLE signal.vital IS 'One row a patient, device and emission; the arrays run in parallel, one element a value, NaN where absent; each (measure, method) stands once, in its highest revision. patient_id 0 = assigned to nobody, device_id 0 = from several devices. Partitions by day. Retention: setting of storage';
CREATE TABLE signal.vital_dirty (
    patient_id integer NOT NULL,
    t bigint NOT NULL
);
ALTER TABLE signal.vital_dirty OWNER TO vw_admin;
COMMENT ON TABLE signal.vital_dirty IS 'Minutes that changed after they were computed. Retention: until computed again';
CREATE TABLE signal.vital_hour (
    patient_id integer NOT NULL,
    measure smallint NOT NULL,
    t bigint NOT NULL,
    device_id integer NOT NULL,
    method smallint NOT NULL,
    n integer NOT NULL,
    n_questionable integer NOT NULL,
    low real,
    mean double precision,
    high real,
    quality real,
    validity smallint NOT NULL,
    flags integer NOT NULL,
    codes jsonb
)
PARTITION BY RANGE (t);
ALTER TABLE signal.vital_hour OWNER TO vw_admin;
COMMENT ON TABLE signal.vital_hour IS 'signal.vital_minute by hour. Partitions by 13 weeks. Retention: setting of storage, and of the patient';
COMMENT ON COLUMN signal.vital_hour.codes IS 'As in signal.vital_minute';
CREATE TABLE signal.vital_minute (
    patient_id integer NOT NULL,
    measure smallint NOT NULL,
    t bigint NOT NULL,
    device_id integer NOT NULL,
    method smallint NOT NULL,
    n integer NOT NULL,
    n_questionable integer NOT NULL,
    low real,
    mean double precision,
    high real,
    quality real,
    validity smallint NOT NULL,
    flags integer NOT NULL,
    codes jsonb
)
PARTITION BY RANGE (t);
ALTER TABLE signal.vital_minute OWNER TO vw_admin;
COMMENT ON TABLE signal.vital_minute IS 'signal.vital by minute (t is its start): n values with a number (valid or questionable), their least, mean and greatest, mean quality; null when n = 0. validity = of the last value, flags = of any value. Complete up to signal.rollup_position.done_to, and corrected when later values change it. Partitions by week. Retention: setting of storage, and of the patient';
COMMENT ON COLUMN signal.vital_minute.codes IS 'Of a measure whose values are codes: how many of the n values were each, as {"4": 12}';
CREATE VIEW signal.vital_value WITH (security_invoker='true') AS
 SELECT v.patient_id,
    v.t,
    v.device_id,
    v.received,
    u.measure,
    u.method,
    u.value,
    u.quality,
    u.validity,
    u.flags,
    u.revision
   FROM (signal.vital v
     CROSS JOIN LATERAL UNNEST(v.measure, v.method, v.value, v.quality, v.validity, v.flags, v.revision) u(measure, method, value, quality, validity, flags, revision));
ALTER TABLE signal.vital_value OWNER TO vw_admin;
COMMENT ON VIEW signal.vital_value IS 'signal.vital, one value a row';
ALTER TABLE ONLY access.account
    ADD CONSTRAINT account_oidc_subject_key UNIQUE (oidc_subject);
ALTER TABLE ONLY access.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);
ALTER TABLE ONLY access.account
    ADD CONSTRAINT account_username_key UNIQUE (username);
ALTER TABLE ONLY access.care_team
    ADD CONSTRAINT care_team_key_key UNIQUE (key);
ALTER TABLE ONLY access.care_team_patient
    ADD CONSTRAINT care_team_patient_pkey PRIMARY KEY (id);
ALTER TABLE ONLY access.care_team
    ADD CONSTRAINT care_team_pkey PRIMARY KEY (id);
ALTER TABLE ONLY access.idempotency_key
    ADD CONSTRAINT idempotency_key_pkey PRIMARY KEY (account_id, key);
ALTER TABLE ONLY access.membership
    ADD CONSTRAINT membership_pkey PRIMARY KEY (id);
ALTER TABLE ONLY access.password
    ADD CONSTRAINT password_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY access.refresh_token
    ADD CONSTRAINT refresh_token_pkey PRIMARY KEY (token_hash);
ALTER TABLE ONLY access.relation
    ADD CONSTRAINT relation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY access.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (id);
ALTER TABLE ONLY alarm.action
    ADD CONSTRAINT action_pkey PRIMARY KEY (id);
ALTER TABLE ONLY alarm.alarm
    ADD CONSTRAINT alarm_pkey PRIMARY KEY (patient_id, id);
ALTER TABLE ONLY alarm.lane
    ADD CONSTRAINT lane_pkey PRIMARY KEY (lane);
ALTER TABLE ONLY alarm.limit_in_force
    ADD CONSTRAINT limit_in_force_pkey PRIMARY KEY (patient_id, measure);
ALTER TABLE ONLY alarm.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (place);
ALTER TABLE ONLY alarm."position"
    ADD CONSTRAINT position_pkey PRIMARY KEY (incarnation, stream, lane);
ALTER TABLE ONLY alarm.watch
    ADD CONSTRAINT watch_pkey PRIMARY KEY (patient_id);
ALTER TABLE ONLY audit.chain
    ADD CONSTRAINT chain_pkey PRIMARY KEY (chain);
ALTER TABLE ONLY audit.entry
    ADD CONSTRAINT entry_pkey PRIMARY KEY (chain, n);
ALTER TABLE ONLY dsp.correction
    ADD CONSTRAINT correction_pkey PRIMARY KEY (device_id, stream, start_us, end_us);
ALTER TABLE ONLY dsp.late_interval
    ADD CONSTRAINT late_interval_pkey PRIMARY KEY (device_id, stream, start_us, end_us);
ALTER TABLE ONLY dsp."position"
    ADD CONSTRAINT position_pkey PRIMARY KEY (incarnation, stream);
ALTER TABLE ONLY dsp.stance
    ADD CONSTRAINT stance_pkey PRIMARY KEY (stance_id);
ALTER TABLE ONLY gateway.clock_correction
    ADD CONSTRAINT clock_correction_pkey PRIMARY KEY (device_id, boot, at_us);
ALTER TABLE ONLY gateway.clock_segment
    ADD CONSTRAINT clock_segment_pkey PRIMARY KEY (device_id, boot, from_n);
ALTER TABLE ONLY gateway.command
    ADD CONSTRAINT command_pkey PRIMARY KEY (id);
ALTER TABLE ONLY gateway.device_counter
    ADD CONSTRAINT device_counter_pkey PRIMARY KEY (device_id, kind, reason);
ALTER TABLE ONLY gateway.file_part
    ADD CONSTRAINT file_part_pkey PRIMARY KEY (file_id, starts, size);
ALTER TABLE ONLY gateway.file
    ADD CONSTRAINT file_pkey PRIMARY KEY (id);
ALTER TABLE ONLY gateway.presence
    ADD CONSTRAINT presence_pkey PRIMARY KEY (device_id);
ALTER TABLE ONLY gateway.rest
    ADD CONSTRAINT rest_pkey PRIMARY KEY (device_id, codec, boot, n);
ALTER TABLE ONLY registry.alarm_limit
    ADD CONSTRAINT alarm_limit_pkey PRIMARY KEY (id);
ALTER TABLE ONLY registry.assignment
    ADD CONSTRAINT assignment_one_patient_at_a_time EXCLUDE USING gist (int4range(device_id, device_id, '[]'::text) WITH =, tstzrange(starts, ends) WITH &&);
ALTER TABLE ONLY registry.assignment
    ADD CONSTRAINT assignment_pkey PRIMARY KEY (id);
ALTER TABLE ONLY registry.bed
    ADD CONSTRAINT bed_pkey PRIMARY KEY (id);
ALTER TABLE ONLY registry.bed
    ADD CONSTRAINT bed_ward_id_key_key UNIQUE (ward_id, key);
ALTER TABLE ONLY registry.claim_code
    ADD CONSTRAINT claim_code_pkey PRIMARY KEY (device_id);
ALTER TABLE ONLY registry.command
    ADD CONSTRAINT command_pkey PRIMARY KEY (id);
ALTER TABLE ONLY registry.deployment
    ADD CONSTRAINT deployment_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY registry.device_configuration
    ADD CONSTRAINT device_configuration_pkey PRIMARY KEY (device_id);
ALTER TABLE ONLY registry.device_credential
    ADD CONSTRAINT device_credential_pkey PRIMARY KEY (id);
ALTER TABLE ONLY registry.device
    ADD CONSTRAINT device_device_key UNIQUE (device);
ALTER TABLE ONLY registry.device_group
    ADD CONSTRAINT device_group_key_key UNIQUE (key);
ALTER TABLE ONLY registry.device_group_member
    ADD CONSTRAINT device_group_member_pkey PRIMARY KEY (device_id, group_id);
ALTER TABLE ONLY registry.device_group
    ADD CONSTRAINT device_group_pkey PRIMARY KEY (id);
ALTER TABLE ONLY registry.device
    ADD CONSTRAINT device_pkey PRIMARY KEY (id);
ALTER TABLE ONLY registry.erasure_request
    ADD CONSTRAINT erasure_request_patient_id_key UNIQUE (patient_id);
ALTER TABLE ONLY registry.erasure_request
    ADD CONSTRAINT erasure_request_pkey PRIMARY KEY (id);
ALTER TABLE ONLY registry.lane_change
    ADD CONSTRAINT lane_change_pkey PRIMARY KEY (id);
ALTER TABLE ONLY registry.lane_left
    ADD CONSTRAINT lane_left_pkey PRIMARY KEY (change_id, service, lane);
ALTER TABLE ONLY registry.next_credential
    ADD CONSTRAINT next_credential_pkey PRIMARY KEY (device_id);
ALTER TABLE ONLY registry.patient
    ADD CONSTRAINT patient_key_key UNIQUE (key);
ALTER TABLE ONLY registry.patient
    ADD CONSTRAINT patient_pkey PRIMARY KEY (id);
ALTER TABLE ONLY registry.patient_retention
    ADD CONSTRAINT patient_retention_pkey PRIMARY KEY (patient_id);
ALTER TABLE ONLY registry.place_map
    ADD CONSTRAINT place_map_pkey PRIMARY KEY (id);
ALTER TABLE ONLY registry.place_map
    ADD CONSTRAINT place_map_site_floor_version_key UNIQUE (site, floor, version);
ALTER TABLE ONLY registry.place_room
    ADD CONSTRAINT place_room_map_id_n_key UNIQUE (map_id, n);
ALTER TABLE ONLY registry.place_room
    ADD CONSTRAINT place_room_map_id_name_key UNIQUE (map_id, name);
ALTER TABLE ONLY registry.place_room
    ADD CONSTRAINT place_room_pkey PRIMARY KEY (id);
ALTER TABLE ONLY registry.place_use
    ADD CONSTRAINT place_use_pkey PRIMARY KEY (id);
ALTER TABLE ONLY registry.stance
    ADD CONSTRAINT stance_pkey PRIMARY KEY (id);
ALTER TABLE ONLY registry.stay
    ADD CONSTRAINT stay_one_bed_a_patient EXCLUDE USING gist (int4range(patient_id, patient_id, '[]'::text) WITH =, tstzrange(starts, ends) WITH &&);
ALTER TABLE ONLY registry.stay
    ADD CONSTRAINT stay_one_patient_in_a_bed EXCLUDE USING gist (int4range(bed_id, bed_id, '[]'::text) WITH =, tstzrange(starts, ends) WITH &&);
ALTER TABLE ONLY registry.stay
    ADD CONSTRAINT stay_pkey PRIMARY KEY (id);
ALTER TABLE ONLY registry.ward
    ADD CONSTRAINT ward_key_key UNIQUE (key);
ALTER TABLE ONLY registry.ward
    ADD CONSTRAINT ward_pkey PRIMARY KEY (id);
ALTER TABLE ONLY signal.beat
    ADD CONSTRAINT beat_pkey PRIMARY KEY (device_id, t, kind);
ALTER TABLE ONLY signal.block
    ADD CONSTRAINT block_pkey PRIMARY KEY (device_id, stream, place, t0);
ALTER TABLE ONLY signal.conflict
    ADD CONSTRAINT conflict_pkey PRIMARY KEY (device_id, boot, n, part, t0, digest);
ALTER TABLE ONLY signal.erased_time
    ADD CONSTRAINT erased_time_pkey PRIMARY KEY (device_id, start_us, request_id);
ALTER TABLE ONLY signal.erasure
    ADD CONSTRAINT erasure_pkey PRIMARY KEY (request_id);
ALTER TABLE ONLY signal.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (device_id, id);
ALTER TABLE ONLY signal.frame
    ADD CONSTRAINT frame_pkey PRIMARY KEY (device_id, boot, n, part, t0);
ALTER TABLE ONLY signal.received
    ADD CONSTRAINT received_pkey PRIMARY KEY (device_id, boot);
ALTER TABLE ONLY signal.rollup_position
    ADD CONSTRAINT rollup_position_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY signal.stream_position
    ADD CONSTRAINT stream_position_pkey PRIMARY KEY (incarnation, stream);
ALTER TABLE ONLY signal.vital_dirty
    ADD CONSTRAINT vital_dirty_pkey PRIMARY KEY (patient_id, t);
ALTER TABLE ONLY signal.vital_hour
    ADD CONSTRAINT vital_hour_pkey PRIMARY KEY (patient_id, measure, t, device_id, method);
ALTER TABLE ONLY signal.vital_minute
    ADD CONSTRAINT vital_minute_pkey PRIMARY KEY (patient_id, measure, t, device_id, method);
ALTER TABLE ONLY signal.vital
    ADD CONSTRAINT vital_pkey PRIMARY KEY (patient_id, t, device_id);
CREATE INDEX care_team_patient_patient ON access.care_team_patient USING btree (patient_id);
CREATE INDEX care_team_patient_team ON access.care_team_patient USING btree (care_team_id);
CREATE INDEX membership_account ON access.membership USING btree (account_id);
CREATE INDEX membership_team ON access.membership USING btree (care_team_id);
CREATE INDEX refresh_token_session ON access.refresh_token USING btree (session_id);
CREATE INDEX relation_account ON access.relation USING btree (account_id, patient_id);
CREATE INDEX relation_patient ON access.relation USING btree (patient_id);
CREATE INDEX session_account ON access.session USING btree (account_id);
CREATE INDEX action_open ON alarm.action USING btree (taken_us) WHERE (done_us IS NULL);
CREATE INDEX alarm_id ON alarm.alarm USING btree (id);
CREATE INDEX alarm_since ON alarm.alarm USING btree (patient_id, since_us);
CREATE UNIQUE INDEX alarm_standing ON alarm.alarm USING btree (patient_id, condition, device_id) WHERE (state <> 'ended'::text);
CREATE INDEX entry_act ON audit.entry USING btree (at_us) WHERE (("left"(action, 5) <> 'read_'::text) AND (action <> ALL (ARRAY['watch'::text, 'refresh'::text])));
CREATE INDEX entry_act_device ON audit.entry USING btree (device_id, at_us) WHERE (("left"(action, 5) <> 'read_'::text) AND (action <> ALL (ARRAY['watch'::text, 'refresh'::text])));
CREATE INDEX entry_act_patient ON audit.entry USING btree (patient_id, at_us) WHERE (("left"(action, 5) <> 'read_'::text) AND (action <> ALL (ARRAY['watch'::text, 'refresh'::text])));
CREATE INDEX entry_patient ON audit.entry USING btree (patient_id, at_us) WHERE (patient_id IS NOT NULL);
CREATE INDEX entry_time ON audit.entry USING btree (at_us);
CREATE INDEX late_interval_lane ON dsp.late_interval USING btree (lane, due_us, noted_at);
CREATE INDEX command_lost ON gateway.command USING btree (device_id, expires_at) WHERE (outcome = 'unknown'::text);
CREATE INDEX command_open ON gateway.command USING btree (device_id) WHERE (outcome IS NULL);
CREATE INDEX command_untold ON gateway.command USING btree (device_id) WHERE ((outcome IS NOT NULL) AND (told_at IS NULL));
CREATE INDEX file_of_device ON gateway.file USING btree (device_id, made_at DESC, id DESC);
CREATE UNIQUE INDEX file_received ON gateway.file USING btree (device_id, name) WHERE ((state = 'receiving'::text) AND (sent_by = ''::text));
CREATE INDEX file_same ON gateway.file USING btree (device_id, digest) WHERE (digest IS NOT NULL);
CREATE INDEX file_to_read ON gateway.file USING btree (changed_at) WHERE (state = ANY (ARRAY['complete'::text, 'reading'::text]));
CREATE INDEX rest_age ON gateway.rest USING btree (device_id, received_us);
CREATE INDEX rest_received ON gateway.rest USING btree (received_us);
CREATE UNIQUE INDEX alarm_limit_scope ON registry.alarm_limit USING btree (COALESCE(patient_id, 0), COALESCE(ward_id, 0), measure);
CREATE INDEX assignment_device ON registry.assignment USING btree (device_id, starts);
CREATE INDEX assignment_patient ON registry.assignment USING btree (patient_id, starts);
CREATE INDEX command_of_device ON registry.command USING btree (device_id, requested_at DESC, id DESC);
CREATE UNIQUE INDEX device_credential_one_in_force ON registry.device_credential USING btree (device_id) WHERE (revoked_at IS NULL);
CREATE INDEX device_group_member_group ON registry.device_group_member USING btree (group_id);
CREATE INDEX device_units ON registry.device USING btree (parent_id) WHERE (parent_id IS NOT NULL);
CREATE UNIQUE INDEX lane_change_one_open ON registry.lane_change USING btree ((true)) WHERE (ended_at IS NULL);
CREATE INDEX place_use_of_map ON registry.place_use USING btree (map_id, from_us DESC);
CREATE INDEX stance_of_assignment ON registry.stance USING btree (assignment_id);
CREATE INDEX stance_of_device ON registry.stance USING btree (device_id, id);
CREATE INDEX event_cursor ON signal.event USING btree (incarnation, stream_offset);
CREATE INDEX event_device ON signal.event USING btree (device_id, t);
CREATE INDEX event_kind ON signal.event USING btree (kind, severity, t) WHERE (patient_id = 0);
CREATE INDEX event_patient ON signal.event USING btree (patient_id, t);
CREATE INDEX frame_stream ON ONLY signal.frame USING btree (device_id, stream, t0);
CREATE INDEX vital_minute_t ON ONLY signal.vital_minute USING brin (t) WITH (pages_per_range='32', autosummarize='on');
CREATE INDEX vital_t ON ONLY signal.vital USING brin (t) WITH (pages_per_range='16', autosummarize='on');
CREATE STATISTICS audit.entry_reads ON "left"(action, 5) FROM audit.entry;
ALTER STATISTICS audit.entry_reads OWNER TO vw_admin;
CREATE TRIGGER action_of_erased BEFORE INSERT ON alarm.action FOR EACH ROW EXECUTE FUNCTION alarm.refuse_erased();
CREATE TRIGGER alarm_of_erased BEFORE INSERT ON alarm.alarm FOR EACH ROW EXECUTE FUNCTION alarm.refuse_erased();
CREATE TRIGGER limit_of_erased BEFORE INSERT ON alarm.limit_in_force FOR EACH ROW EXECUTE FUNCTION alarm.refuse_erased();
CREATE TRIGGER watch_of_erased BEFORE INSERT ON alarm.watch FOR EACH ROW EXECUTE FUNCTION alarm.refuse_erased();
CREATE TRIGGER entry_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.entry FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER device_changed AFTER INSERT OR DELETE OR UPDATE ON registry.device FOR EACH STATEMENT EXECUTE FUNCTION registry.notify_change();
CREATE TRIGGER device_configuration_changed AFTER INSERT OR DELETE OR UPDATE ON registry.device_configuration FOR EACH STATEMENT EXECUTE FUNCTION registry.notify_change();
CREATE TRIGGER device_credential_changed AFTER INSERT OR DELETE OR UPDATE ON registry.device_credential FOR EACH STATEMENT EXECUTE FUNCTION registry.notify_change();
CREATE TRIGGER next_credential_changed AFTER INSERT OR DELETE OR UPDATE ON registry.next_credential FOR EACH STATEMENT EXECUTE FUNCTION registry.notify_change();
ALTER TABLE ONLY access.account
    ADD CONSTRAINT account_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES registry.patient(id);
ALTER TABLE ONLY access.care_team_patient
    ADD CONSTRAINT care_team_patient_care_team_id_fkey FOREIGN KEY (care_team_id) REFERENCES access.care_team(id);
ALTER TABLE ONLY access.care_team_patient
    ADD CONSTRAINT care_team_patient_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES registry.patient(id);
ALTER TABLE ONLY access.care_team
    ADD CONSTRAINT care_team_ward_id_fkey FOREIGN KEY (ward_id) REFERENCES registry.ward(id);
ALTER TABLE ONLY access.idempotency_key
    ADD CONSTRAINT idempotency_key_account_id_fkey FOREIGN KEY (account_id) REFERENCES access.account(id) ON DELETE CASCADE;
ALTER TABLE ONLY access.membership
    ADD CONSTRAINT membership_account_id_fkey FOREIGN KEY (account_id) REFERENCES access.account(id) ON DELETE CASCADE;
ALTER TABLE ONLY access.membership
    ADD CONSTRAINT membership_care_team_id_fkey FOREIGN KEY (care_team_id) REFERENCES access.care_team(id);
ALTER TABLE ONLY access.password
    ADD CONSTRAINT password_account_id_fkey FOREIGN KEY (account_id) REFERENCES access.account(id) ON DELETE CASCADE;
ALTER TABLE ONLY access.refresh_token
    ADD CONSTRAINT refresh_token_session_id_fkey FOREIGN KEY (session_id) REFERENCES access.session(id) ON DELETE CASCADE;
ALTER TABLE ONLY access.relation
    ADD CONSTRAINT relation_account_id_fkey FOREIGN KEY (account_id) REFERENCES access.account(id) ON DELETE CASCADE;
ALTER TABLE ONLY access.relation
    ADD CONSTRAINT relation_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES registry.patient(id);
ALTER TABLE ONLY access.session
    ADD CONSTRAINT session_account_id_fkey FOREIGN KEY (account_id) REFERENCES access.account(id) ON DELETE CASCADE;
ALTER TABLE ONLY alarm.action
    ADD CONSTRAINT action_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES registry.patient(id);
ALTER TABLE ONLY alarm.alarm
    ADD CONSTRAINT alarm_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES registry.patient(id);
ALTER TABLE ONLY alarm.limit_in_force
    ADD CONSTRAINT limit_in_force_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES registry.patient(id);
ALTER TABLE ONLY alarm.watch
    ADD CONSTRAINT watch_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES registry.patient(id);
ALTER TABLE ONLY dsp.stance
    ADD CONSTRAINT stance_stance_id_fkey FOREIGN KEY (stance_id) REFERENCES registry.stance(id) ON DELETE CASCADE;
ALTER TABLE ONLY gateway.clock_correction
    ADD CONSTRAINT clock_correction_device_id_fkey FOREIGN KEY (device_id) REFERENCES registry.device(id);
ALTER TABLE ONLY gateway.clock_segment
    ADD CONSTRAINT clock_segment_device_id_fkey FOREIGN KEY (device_id) REFERENCES registry.device(id);
ALTER TABLE ONLY gateway.command
    ADD CONSTRAINT command_device_id_fkey FOREIGN KEY (device_id) REFERENCES registry.device(id);
ALTER TABLE ONLY gateway.device_counter
    ADD CONSTRAINT device_counter_device_id_fkey FOREIGN KEY (device_id) REFERENCES registry.device(id);
ALTER TABLE ONLY gateway.file
    ADD CONSTRAINT file_device_id_fkey FOREIGN KEY (device_id) REFERENCES registry.device(id);
ALTER TABLE ONLY gateway.file_part
    ADD CONSTRAINT file_part_file_id_fkey FOREIGN KEY (file_id) REFERENCES gateway.file(id) ON DELETE CASCADE;
ALTER TABLE ONLY gateway.file
    ADD CONSTRAINT file_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES registry.patient(id);
ALTER TABLE ONLY gateway.presence
    ADD CONSTRAINT presence_device_id_fkey FOREIGN KEY (device_id) REFERENCES registry.device(id);
ALTER TABLE ONLY gateway.rest
    ADD CONSTRAINT rest_device_id_fkey FOREIGN KEY (device_id) REFERENCES registry.device(id);
ALTER TABLE ONLY registry.alarm_limit
    ADD CONSTRAINT alarm_limit_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES registry.patient(id);
ALTER TABLE ONLY registry.alarm_limit
    ADD CONSTRAINT alarm_limit_ward_id_fkey FOREIGN KEY (ward_id) REFERENCES registry.ward(id);
ALTER TABLE ONLY registry.assignment
    ADD CONSTRAINT assignment_device_id_fkey FOREIGN KEY (device_id) REFERENCES registry.device(id);
ALTER TABLE ONLY registry.assignment
    ADD CONSTRAINT assignment_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES registry.patient(id);
ALTER TABLE ONLY registry.bed
    ADD CONSTRAINT bed_ward_id_fkey FOREIGN KEY (ward_id) REFERENCES registry.ward(id);
ALTER TABLE ONLY registry.claim_code
    ADD CONSTRAINT claim_code_device_id_fkey FOREIGN KEY (device_id) REFERENCES registry.device(id);
ALTER TABLE ONLY registry.command
    ADD CONSTRAINT command_device_id_fkey FOREIGN KEY (device_id) REFERENCES registry.device(id);
ALTER TABLE ONLY registry.device_configuration
    ADD CONSTRAINT device_configuration_device_id_fkey FOREIGN KEY (device_id) REFERENCES registry.device(id);
ALTER TABLE ONLY registry.device_credential
    ADD CONSTRAINT device_credential_device_id_fkey FOREIGN KEY (device_id) REFERENCES registry.device(id);
ALTER TABLE ONLY registry.device_group_member
    ADD CONSTRAINT device_group_member_device_id_fkey FOREIGN KEY (device_id) REFERENCES registry.device(id);
ALTER TABLE ONLY registry.device_group_member
    ADD CONSTRAINT device_group_member_group_id_fkey FOREIGN KEY (group_id) REFERENCES registry.device_group(id) ON DELETE CASCADE;
ALTER TABLE ONLY registry.device
    ADD CONSTRAINT device_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES registry.device(id);
ALTER TABLE ONLY registry.erasure_request
    ADD CONSTRAINT erasure_request_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES registry.patient(id);
ALTER TABLE ONLY registry.lane_left
    ADD CONSTRAINT lane_left_change_id_fkey FOREIGN KEY (change_id) REFERENCES registry.lane_change(id);
ALTER TABLE ONLY registry.next_credential
    ADD CONSTRAINT next_credential_device_id_fkey FOREIGN KEY (device_id) REFERENCES registry.device(id);
ALTER TABLE ONLY registry.patient_retention
    ADD CONSTRAINT patient_retention_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES registry.patient(id);
ALTER TABLE ONLY registry.place_room
    ADD CONSTRAINT place_room_map_id_fkey FOREIGN KEY (map_id) REFERENCES registry.place_map(id);
ALTER TABLE ONLY registry.place_use
    ADD CONSTRAINT place_use_map_id_fkey FOREIGN KEY (map_id) REFERENCES registry.place_map(id);
ALTER TABLE ONLY registry.stance
    ADD CONSTRAINT stance_assignment_id_fkey FOREIGN KEY (assignment_id) REFERENCES registry.assignment(id) ON DELETE CASCADE;
ALTER TABLE ONLY registry.stance
    ADD CONSTRAINT stance_device_id_fkey FOREIGN KEY (device_id) REFERENCES registry.device(id);
ALTER TABLE ONLY registry.stance
    ADD CONSTRAINT stance_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES registry.patient(id);
ALTER TABLE ONLY registry.stay
    ADD CONSTRAINT stay_bed_id_fkey FOREIGN KEY (bed_id) REFERENCES registry.bed(id);
ALTER TABLE ONLY registry.stay
    ADD CONSTRAINT stay_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES registry.patient(id);
ALTER TABLE ONLY signal.erased_time
    ADD CONSTRAINT erased_time_request_id_fkey FOREIGN KEY (request_id) REFERENCES signal.erasure(request_id);
GRANT USAGE ON SCHEMA access TO vw_alarms;
GRANT USAGE ON SCHEMA access TO vw_api;
GRANT USAGE ON SCHEMA alarm TO vw_alarms;
GRANT USAGE ON SCHEMA alarm TO vw_api;
GRANT USAGE ON SCHEMA audit TO vw_gateway;
GRANT USAGE ON SCHEMA audit TO vw_dsp;
GRANT USAGE ON SCHEMA audit TO vw_storage;
GRANT USAGE ON SCHEMA audit TO vw_alarms;
GRANT USAGE ON SCHEMA audit TO vw_api;
GRANT USAGE ON SCHEMA dsp TO vw_dsp;
GRANT USAGE ON SCHEMA dsp TO vw_api;
GRANT USAGE ON SCHEMA gateway TO vw_gateway;
GRANT USAGE ON SCHEMA gateway TO vw_dsp;
GRANT USAGE ON SCHEMA gateway TO vw_alarms;
GRANT USAGE ON SCHEMA gateway TO vw_api;
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA registry TO vw_gateway;
GRANT USAGE ON SCHEMA registry TO vw_dsp;
GRANT USAGE ON SCHEMA registry TO vw_storage;
GRANT USAGE ON SCHEMA registry TO vw_alarms;
GRANT USAGE ON SCHEMA registry TO vw_api;
GRANT USAGE ON SCHEMA signal TO vw_storage;
GRANT USAGE ON SCHEMA signal TO vw_dsp;
GRANT USAGE ON SCHEMA signal TO vw_alarms;
GRANT USAGE ON SCHEMA signal TO vw_api;
REVOKE ALL ON FUNCTION alarm.refuse_erased() FROM PUBLIC;
REVOKE ALL ON FUNCTION audit.append(actor text, action text, resource text, outcome text, patient_id integer, device_id integer, reason text, origin text, request_id text, detail jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION audit.append(actor text, action text, resource text, outcome text, patient_id integer, device_id integer, reason text, origin text, request_id text, detail jsonb) TO vw_gateway;
GRANT ALL ON FUNCTION audit.append(actor text, action text, resource text, outcome text, patient_id integer, device_id integer, reason text, origin text, request_id text, detail jsonb) TO vw_dsp;
GRANT ALL ON FUNCTION audit.append(actor text, action text, resource text, outcome text, patient_id integer, device_id integer, reason text, origin text, request_id text, detail jsonb) TO vw_storage;
GRANT ALL ON FUNCTION audit.append(actor text, action text, resource text, outcome text, patient_id integer, device_id integer, reason text, origin text, request_id text, detail jsonb) TO vw_alarms;
GRANT ALL ON FUNCTION audit.append(actor text, action text, resource text, outcome text, patient_id integer, device_id integer, reason text, origin text, request_id text, detail jsonb) TO vw_api;
REVOKE ALL ON FUNCTION audit.append_many(actors text[], actions text[], resources text[], outcomes text[], patient_ids integer[], device_ids integer[], reasons text[], origins text[], request_ids text[], details jsonb[]) FROM PUBLIC;
GRANT ALL ON FUNCTION audit.append_many(actors text[], actions text[], resources text[], outcomes text[], patient_ids integer[], device_ids integer[], reasons text[], origins text[], request_ids text[], details jsonb[]) TO vw_api;
GRANT SELECT ON TABLE audit.entry TO vw_api;
REVOKE ALL ON FUNCTION audit.link(entry audit.entry) FROM PUBLIC;
GRANT ALL ON FUNCTION audit.link(entry audit.entry) TO vw_api;
REVOKE ALL ON FUNCTION audit.refuse_change() FROM PUBLIC;
REVOKE ALL ON FUNCTION audit.verify() FROM PUBLIC;
GRANT ALL ON FUNCTION audit.verify() TO vw_api;
REVOKE ALL ON FUNCTION gateway.wear_while_recorded(brought_file uuid, start_us bigint, end_us bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION gateway.wear_while_recorded(brought_file uuid, start_us bigint, end_us bigint) TO vw_gateway;
REVOKE ALL ON FUNCTION registry.begin_import(brought_file uuid, device integer, patient integer, name text, format text, total integer, options jsonb, sent_by text) FROM PUBLIC;
GRANT ALL ON FUNCTION registry.begin_import(brought_file uuid, device integer, patient integer, name text, format text, total integer, options jsonb, sent_by text) TO vw_api;
REVOKE ALL ON FUNCTION registry.drop_import(brought_file uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION registry.drop_import(brought_file uuid) TO vw_api;
REVOKE ALL ON FUNCTION registry.finish_import(brought_file uuid, digest bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION registry.finish_import(brought_file uuid, digest bytea) TO vw_api;
REVOKE ALL ON FUNCTION registry.join_unit(hub integer, unit text, kind text, model text, shard smallint) FROM PUBLIC;
GRANT ALL ON FUNCTION registry.join_unit(hub integer, unit text, kind text, model text, shard smallint) TO vw_gateway;
REVOKE ALL ON FUNCTION registry.leave_lane(change integer, lane integer) FROM PUBLIC;
GRANT ALL ON FUNCTION registry.leave_lane(change integer, lane integer) TO vw_gateway;
GRANT ALL ON FUNCTION registry.leave_lane(change integer, lane integer) TO vw_dsp;
GRANT ALL ON FUNCTION registry.leave_lane(change integer, lane integer) TO vw_storage;
GRANT ALL ON FUNCTION registry.leave_lane(change integer, lane integer) TO vw_alarms;
REVOKE ALL ON FUNCTION registry.notify_change() FROM PUBLIC;
GRANT ALL ON FUNCTION registry.notify_change() TO vw_api;
REVOKE ALL ON FUNCTION registry.put_import_part(brought_file uuid, starts integer, crc32 bigint, content bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION registry.put_import_part(brought_file uuid, starts integer, crc32 bigint, content bytea) TO vw_api;
REVOKE ALL ON FUNCTION signal.codes_of(given real[]) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.codes_of(given real[]) TO vw_storage;
GRANT ALL ON FUNCTION signal.codes_of(given real[]) TO vw_api;
REVOKE ALL ON FUNCTION signal.codes_together(given jsonb[]) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.codes_together(given jsonb[]) TO vw_storage;
GRANT ALL ON FUNCTION signal.codes_together(given jsonb[]) TO vw_api;
REVOKE ALL ON FUNCTION signal.drop_partition(parent text, start_us bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.drop_partition(parent text, start_us bigint) TO vw_storage;
REVOKE ALL ON FUNCTION signal.empty_hour(start_us bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.empty_hour(start_us bigint) TO vw_storage;
REVOKE ALL ON FUNCTION signal.ensure_partitions(parent text, starts_us bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.ensure_partitions(parent text, starts_us bigint[]) TO vw_storage;
REVOKE ALL ON FUNCTION signal.erase_device_texts(device integer, start_us bigint, end_us bigint, and_later_state boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.erase_device_texts(device integer, start_us bigint, end_us bigint, and_later_state boolean) TO vw_storage;
REVOKE ALL ON FUNCTION signal.erase_device_time(device integer, start_us bigint, end_us bigint, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.erase_device_time(device integer, start_us bigint, end_us bigint, most integer) TO vw_storage;
REVOKE ALL ON FUNCTION signal.erase_files(device integer, start_us bigint, end_us bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.erase_files(device integer, start_us bigint, end_us bigint) TO vw_storage;
REVOKE ALL ON FUNCTION signal.erase_patient_records(request integer) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.erase_patient_records(request integer) TO vw_storage;
REVOKE ALL ON FUNCTION signal.erase_patient_rows(patient integer, until_us bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.erase_patient_rows(patient integer, until_us bigint) TO vw_storage;
REVOKE ALL ON FUNCTION signal.fence_patient(request integer) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.fence_patient(request integer) TO vw_storage;
REVOKE ALL ON FUNCTION signal.hold_hour(start_us bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.hold_hour(start_us bigint) TO vw_storage;
REVOKE ALL ON FUNCTION signal.is_code(measure smallint) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.is_code(measure smallint) TO vw_storage;
GRANT ALL ON FUNCTION signal.is_code(measure smallint) TO vw_api;
REVOKE ALL ON FUNCTION signal.most_of_codes(given jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.most_of_codes(given jsonb) TO vw_storage;
GRANT ALL ON FUNCTION signal.most_of_codes(given jsonb) TO vw_api;
REVOKE ALL ON FUNCTION signal.partition_name(parent text, start_us bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION signal.partition_starts(parent text) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.partition_starts(parent text) TO vw_storage;
REVOKE ALL ON FUNCTION signal.partition_width_us(parent text) FROM PUBLIC;
REVOKE ALL ON FUNCTION signal.remove_old_commands(before_us bigint, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.remove_old_commands(before_us bigint, most integer) TO vw_storage;
REVOKE ALL ON FUNCTION signal.remove_old_files(before_us bigint, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION signal.remove_old_files(before_us bigint, most integer) TO vw_storage;
REVOKE ALL ON FUNCTION signal.tune_hour(part regclass) FROM PUBLIC;
GRANT SELECT ON TABLE access.account TO vw_alarms;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE access.account TO vw_api;
GRANT SELECT ON TABLE access.care_team TO vw_alarms;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE access.care_team TO vw_api;
GRANT SELECT ON TABLE access.care_team_patient TO vw_alarms;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE access.care_team_patient TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE access.idempotency_key TO vw_api;
GRANT SELECT ON TABLE access.membership TO vw_alarms;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE access.membership TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE access.password TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE access.refresh_token TO vw_api;
GRANT SELECT ON TABLE access.relation TO vw_alarms;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE access.relation TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE access.session TO vw_api;
GRANT SELECT,INSERT,UPDATE ON TABLE alarm.action TO vw_alarms;
GRANT SELECT ON TABLE alarm.action TO vw_api;
GRANT SELECT,INSERT,UPDATE ON TABLE alarm.alarm TO vw_alarms;
GRANT SELECT ON TABLE alarm.alarm TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE alarm.lane TO vw_alarms;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE alarm.limit_in_force TO vw_alarms;
GRANT SELECT ON TABLE alarm.limit_in_force TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE alarm.outbox TO vw_alarms;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE alarm."position" TO vw_alarms;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE alarm.watch TO vw_alarms;
GRANT SELECT ON TABLE audit.act TO vw_api;
GRANT SELECT ON TABLE audit.chain TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE dsp.correction TO vw_dsp;
GRANT SELECT ON TABLE dsp.correction TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE dsp.late_interval TO vw_dsp;
GRANT SELECT ON TABLE dsp.late_interval TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE dsp."position" TO vw_dsp;
GRANT SELECT ON TABLE dsp."position" TO vw_api;
GRANT SELECT,INSERT ON TABLE dsp.stance TO vw_dsp;
GRANT SELECT ON TABLE dsp.stance TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE gateway.clock_correction TO vw_gateway;
GRANT SELECT ON TABLE gateway.clock_correction TO vw_dsp;
GRANT SELECT ON TABLE gateway.clock_correction TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE gateway.clock_segment TO vw_gateway;
GRANT SELECT ON TABLE gateway.clock_segment TO vw_dsp;
GRANT SELECT ON TABLE gateway.clock_segment TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE gateway.command TO vw_gateway;
GRANT SELECT ON TABLE gateway.command TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE gateway.device_counter TO vw_gateway;
GRANT SELECT ON TABLE gateway.device_counter TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE gateway.file TO vw_gateway;
GRANT SELECT ON TABLE gateway.file TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE gateway.file_part TO vw_gateway;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE gateway.presence TO vw_gateway;
GRANT SELECT ON TABLE gateway.presence TO vw_alarms;
GRANT SELECT ON TABLE gateway.presence TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE gateway.rest TO vw_gateway;
GRANT SELECT ON TABLE registry.alarm_limit TO vw_alarms;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.alarm_limit TO vw_api;
GRANT SELECT ON TABLE registry.assignment TO vw_gateway;
GRANT SELECT ON TABLE registry.assignment TO vw_dsp;
GRANT SELECT ON TABLE registry.assignment TO vw_alarms;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.assignment TO vw_api;
GRANT SELECT(device_id) ON TABLE registry.assignment TO vw_storage;
GRANT SELECT(patient_id) ON TABLE registry.assignment TO vw_storage;
GRANT SELECT(starts) ON TABLE registry.assignment TO vw_storage;
GRANT SELECT(ends) ON TABLE registry.assignment TO vw_storage;
GRANT SELECT ON TABLE registry.bed TO vw_alarms;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.bed TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.claim_code TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.command TO vw_api;
GRANT SELECT ON TABLE registry.deployment TO vw_gateway;
GRANT SELECT ON TABLE registry.deployment TO vw_dsp;
GRANT SELECT ON TABLE registry.deployment TO vw_storage;
GRANT SELECT ON TABLE registry.deployment TO vw_alarms;
GRANT SELECT ON TABLE registry.deployment TO vw_api;
GRANT SELECT ON TABLE registry.device TO vw_gateway;
GRANT SELECT ON TABLE registry.device TO vw_dsp;
GRANT SELECT ON TABLE registry.device TO vw_alarms;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.device TO vw_api;
GRANT SELECT(id) ON TABLE registry.device TO vw_storage;
GRANT SELECT(device) ON TABLE registry.device TO vw_storage;
GRANT SELECT(shard) ON TABLE registry.device TO vw_storage;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.device_configuration TO vw_api;
GRANT SELECT ON TABLE registry.device_configuration TO vw_gateway;
GRANT SELECT ON TABLE registry.device_credential TO vw_gateway;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.device_credential TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.device_group TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.device_group_member TO vw_api;
GRANT SELECT ON TABLE registry.erasure_request TO vw_storage;
GRANT SELECT,INSERT ON TABLE registry.erasure_request TO vw_api;
GRANT SELECT ON TABLE registry.lane_change TO vw_gateway;
GRANT SELECT ON TABLE registry.lane_change TO vw_dsp;
GRANT SELECT ON TABLE registry.lane_change TO vw_storage;
GRANT SELECT ON TABLE registry.lane_change TO vw_alarms;
GRANT SELECT ON TABLE registry.lane_change TO vw_api;
GRANT SELECT ON TABLE registry.lane_left TO vw_gateway;
GRANT SELECT ON TABLE registry.lane_left TO vw_dsp;
GRANT SELECT ON TABLE registry.lane_left TO vw_storage;
GRANT SELECT ON TABLE registry.lane_left TO vw_alarms;
GRANT SELECT ON TABLE registry.lane_left TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.next_credential TO vw_api;
GRANT SELECT ON TABLE registry.next_credential TO vw_gateway;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.patient TO vw_api;
GRANT SELECT(id) ON TABLE registry.patient TO vw_dsp;
GRANT SELECT(id) ON TABLE registry.patient TO vw_alarms;
GRANT SELECT(id) ON TABLE registry.patient TO vw_storage;
GRANT SELECT(key) ON TABLE registry.patient TO vw_dsp;
GRANT SELECT(key) ON TABLE registry.patient TO vw_alarms;
GRANT SELECT(key) ON TABLE registry.patient TO vw_storage;
GRANT SELECT(birth_date) ON TABLE registry.patient TO vw_dsp;
GRANT SELECT(birth_date) ON TABLE registry.patient TO vw_alarms;
GRANT SELECT(sex) ON TABLE registry.patient TO vw_dsp;
GRANT SELECT(sex) ON TABLE registry.patient TO vw_alarms;
GRANT SELECT(erased_at) ON TABLE registry.patient TO vw_storage;
GRANT SELECT ON TABLE registry.patient_retention TO vw_storage;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.patient_retention TO vw_api;
GRANT SELECT,INSERT,UPDATE ON TABLE registry.place_map TO vw_api;
GRANT SELECT(id) ON TABLE registry.place_map TO vw_dsp;
GRANT SELECT(access_points) ON TABLE registry.place_map TO vw_dsp;
GRANT SELECT(points) ON TABLE registry.place_map TO vw_dsp;
GRANT SELECT,INSERT ON TABLE registry.place_room TO vw_api;
GRANT SELECT(id) ON TABLE registry.place_room TO vw_dsp;
GRANT SELECT(map_id) ON TABLE registry.place_room TO vw_dsp;
GRANT SELECT(n) ON TABLE registry.place_room TO vw_dsp;
GRANT SELECT,INSERT,UPDATE ON TABLE registry.place_use TO vw_api;
GRANT SELECT(id) ON TABLE registry.place_use TO vw_dsp;
GRANT SELECT(map_id) ON TABLE registry.place_use TO vw_dsp;
GRANT SELECT(from_us) ON TABLE registry.place_use TO vw_dsp;
GRANT SELECT(until_us) ON TABLE registry.place_use TO vw_dsp;
GRANT SELECT,INSERT ON TABLE registry.stance TO vw_api;
GRANT SELECT ON TABLE registry.stance TO vw_dsp;
GRANT UPDATE(until_us) ON TABLE registry.stance TO vw_api;
GRANT UPDATE(taken_back_by) ON TABLE registry.stance TO vw_api;
GRANT SELECT ON TABLE registry.stay TO vw_alarms;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.stay TO vw_api;
GRANT SELECT ON TABLE registry.ward TO vw_alarms;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.ward TO vw_api;
GRANT SELECT,INSERT,UPDATE ON TABLE signal.beat TO vw_storage;
GRANT SELECT ON TABLE signal.beat TO vw_dsp;
GRANT SELECT ON TABLE signal.beat TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE signal.block TO vw_storage;
GRANT SELECT ON TABLE signal.block TO vw_dsp;
GRANT SELECT ON TABLE signal.block TO vw_api;
GRANT SELECT,INSERT,DELETE ON TABLE signal.conflict TO vw_storage;
GRANT SELECT ON TABLE signal.conflict TO vw_api;
GRANT SELECT,INSERT ON TABLE signal.erased_time TO vw_storage;
GRANT SELECT ON TABLE signal.erased_time TO vw_api;
GRANT SELECT,INSERT,UPDATE ON TABLE signal.erasure TO vw_storage;
GRANT SELECT ON TABLE signal.erasure TO vw_api;
GRANT SELECT,INSERT,DELETE ON TABLE signal.event TO vw_storage;
GRANT SELECT ON TABLE signal.event TO vw_alarms;
GRANT SELECT ON TABLE signal.event TO vw_api;
GRANT SELECT,INSERT ON TABLE signal.frame TO vw_storage;
GRANT SELECT ON TABLE signal.frame TO vw_dsp;
GRANT SELECT ON TABLE signal.frame TO vw_api;
GRANT SELECT,INSERT,UPDATE ON TABLE signal.received TO vw_storage;
GRANT SELECT ON TABLE signal.received TO vw_dsp;
GRANT SELECT ON TABLE signal.received TO vw_api;
GRANT SELECT,UPDATE ON TABLE signal.rollup_position TO vw_storage;
GRANT SELECT ON TABLE signal.rollup_position TO vw_api;
GRANT SELECT,INSERT,UPDATE ON TABLE signal.stream_position TO vw_storage;
GRANT SELECT ON TABLE signal.stream_position TO vw_api;
GRANT SELECT ON TABLE signal.stream_position TO vw_dsp;
GRANT SELECT,INSERT,UPDATE ON TABLE signal.vital TO vw_storage;
GRANT SELECT ON TABLE signal.vital TO vw_dsp;
GRANT SELECT ON TABLE signal.vital TO vw_alarms;
GRANT SELECT ON TABLE signal.vital TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE signal.vital_dirty TO vw_storage;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE signal.vital_hour TO vw_storage;
GRANT SELECT ON TABLE signal.vital_hour TO vw_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE signal.vital_minute TO vw_storage;
GRANT SELECT ON TABLE signal.vital_minute TO vw_api;
GRANT SELECT ON TABLE signal.vital_value TO vw_dsp;
GRANT SELECT ON TABLE signal.vital_value TO vw_alarms;
GRANT SELECT ON TABLE signal.vital_value TO vw_api;
GRANT SELECT ON TABLE signal.vital_value TO vw_storage;
ALTER DEFAULT PRIVILEGES FOR ROLE vw_admin REVOKE ALL ON FUNCTIONS  FROM PUBLIC;
