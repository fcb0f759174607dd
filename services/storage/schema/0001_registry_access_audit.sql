-- Schemas, what is known of people and devices, who may see it, the audit trail, and the small
-- tables of gateway and dsp. Run by vw_admin, who then owns everything; the services only hold
-- the grants written here. Administrative times are timestamptz, times of data are microseconds
-- since 1970 UTC in bigint.

do $$
declare
    missing text;
begin
    select string_agg(wanted, ', ' order by wanted) into missing
    from unnest(array['vw_gateway', 'vw_dsp', 'vw_storage', 'vw_alarms', 'vw_api', 'vw_admin'])
        as wanted
    where not exists (select from pg_roles where rolname = wanted);
    if missing is not null then
        raise exception 'roles are missing in this PostgreSQL: %', missing
            using hint = 'create them before migrating; deploy/local does it at initdb';
    end if;
end
$$;

create schema registry;
create schema access;
create schema gateway;
create schema signal;
create schema dsp;
create schema alarm;
create schema audit;

comment on schema registry is 'wards, patients, devices and what binds them; written by api';
comment on schema access is 'accounts, sessions, care teams and relations; written by api';
comment on schema gateway is 'clock maps, presence, unfinished messages; written by gateway';
comment on schema signal is 'frames, vital signs, beats, events; written by storage';
comment on schema dsp is 'positions of the signal processing; written by dsp';
comment on schema alarm is 'state of alarms; written by alarms';
comment on schema audit is 'who did what; append-only through audit.append';

-- Nobody gets rights by being nobody in particular.
revoke all on schema public from public;
alter default privileges revoke execute on functions from public;
do $$
begin
    execute format('revoke create, temporary on database %I from public', current_database());
end
$$;

grant usage on schema registry to vw_gateway, vw_dsp, vw_storage, vw_alarms, vw_api;
grant usage on schema access to vw_alarms, vw_api;
grant usage on schema gateway to vw_gateway, vw_dsp, vw_alarms, vw_api;
grant usage on schema signal to vw_storage, vw_dsp, vw_alarms, vw_api;
grant usage on schema dsp to vw_dsp, vw_api;
grant usage on schema alarm to vw_alarms, vw_api;
grant usage on schema audit to vw_gateway, vw_dsp, vw_storage, vw_alarms, vw_api;

------------------------------------------------------------------------------------- registry

create table registry.deployment (
    only_row boolean primary key default true check (only_row),
    lanes smallint not null check (lanes in (1, 2, 4, 8, 16, 32, 64)),
    incarnation integer not null check (incarnation >= 0),
    changed_at timestamptz not null default now()
);
comment on table registry.deployment is
    'The one row that all processes read at start; changed by vitalwire migrate and lanes. '
    'incarnation counts how often the streams were made anew; 0 = not yet. Retention: for ever';
insert into registry.deployment (lanes, incarnation) values (2, 0);

create table registry.ward (
    id integer generated always as identity primary key,
    key text not null unique check (key ~ '^[a-z0-9-]{1,40}$'),
    name text not null check (length(name) between 1 and 200),
    time_zone text not null default 'UTC'
);
comment on table registry.ward is 'Retention: for ever';

create table registry.bed (
    id integer generated always as identity primary key,
    ward_id integer not null references registry.ward,
    key text not null check (key ~ '^[A-Za-z0-9-]{1,20}$'),
    label text not null check (length(label) between 1 and 100),
    unique (ward_id, key)
);
comment on table registry.bed is 'Retention: for ever';

create table registry.patient (
    id integer generated always as identity primary key,
    key text not null unique check (key ~ '^p-[a-z0-9]{5,20}$'),
    initials text not null check (length(initials) between 1 and 12),
    name text check (length(name) <= 200),
    birth_date date,
    sex text check (sex in ('female', 'male', 'other', 'unknown')),
    profile jsonb not null default '{}',
    created_at timestamptz not null default now(),
    erased_at timestamptz
);
comment on table registry.patient is
    'key is what the outside sees. Retention: until erasure, which empties name and profile';

create table registry.device (
    id integer generated always as identity primary key,
    device text not null unique check (device ~ '^[a-z0-9-]{3,40}$'),
    shard smallint not null check (shard between 0 and 255),
    model text not null check (length(model) between 1 and 80),
    simulated boolean not null default false,
    settings jsonb not null default '{}',
    note text check (length(note) <= 1000),
    created_at timestamptz not null default now(),
    retired_at timestamptz
);
comment on table registry.device is
    'device is the name on the wire, shard the lowest byte of its CRC-32, settings what this one '
    'device lays over its model. Retention: for ever';

create table registry.device_credential (
    id integer generated always as identity primary key,
    device_id integer not null references registry.device,
    password_hash text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
create unique index device_credential_one_in_force on registry.device_credential (device_id)
    where revoked_at is null;
comment on table registry.device_credential is
    'One in force a device; password_hash as mosquitto takes it. Retention: 1 year after revoked';

create table registry.assignment (
    id bigint generated always as identity primary key,
    device_id integer not null references registry.device,
    patient_id integer not null references registry.patient,
    starts timestamptz not null default now(),
    ends timestamptz,
    assigned_by text not null default 'system',
    check (ends is null or ends > starts),
    -- ranges of one id stand in for equality: gist then needs no extension
    constraint assignment_one_patient_at_a_time exclude using gist (
        int4range(device_id, device_id, '[]') with =, tstzrange(starts, ends) with &&)
);
create index assignment_patient on registry.assignment (patient_id, starts);
create index assignment_device on registry.assignment (device_id, starts);
comment on table registry.assignment is
    'Which patient wore which device, [starts, ends). Retention: as long as the data it explains';

create table registry.stay (
    id bigint generated always as identity primary key,
    patient_id integer not null references registry.patient,
    bed_id integer not null references registry.bed,
    starts timestamptz not null default now(),
    ends timestamptz,
    check (ends is null or ends > starts),
    constraint stay_one_patient_in_a_bed exclude using gist (
        int4range(bed_id, bed_id, '[]') with =, tstzrange(starts, ends) with &&),
    constraint stay_one_bed_a_patient exclude using gist (
        int4range(patient_id, patient_id, '[]') with =, tstzrange(starts, ends) with &&)
);
comment on table registry.stay is
    'Which patient lay in which bed, [starts, ends). Retention: as the assignment';

create table registry.alarm_limit (
    id bigint generated always as identity primary key,
    patient_id integer references registry.patient,
    ward_id integer references registry.ward,
    measure text not null check (measure ~ '^[a-z0-9_]{2,40}$'),
    low real,
    high real,
    enabled boolean not null default true,
    delay_s real check (delay_s between 0 and 300),
    priority text check (priority in ('high', 'medium', 'low')),
    version integer not null default 1,
    reason text check (length(reason) <= 1000),
    changed_by text not null,
    changed_at timestamptz not null default now(),
    check (num_nonnulls(patient_id, ward_id) <= 1),
    check (low is null or high is null or low < high)
);
create unique index alarm_limit_scope on registry.alarm_limit
    (coalesce(patient_id, 0), coalesce(ward_id, 0), measure);
comment on table registry.alarm_limit is
    'Limits over the defaults by age of the program: of the site (neither id), of a ward, of a '
    'patient; the most special counts. Retention: with the patient; history is in audit';

--------------------------------------------------------------------------------------- access

create table access.account (
    id integer generated always as identity primary key,
    username text not null unique check (username ~ '^[a-z0-9._@-]{2,80}$'),
    display_name text not null check (length(display_name) between 1 and 200),
    role text not null check (
        role in ('admin', 'clinician', 'nurse', 'technician', 'patient', 'viewer')),
    patient_id integer references registry.patient,
    oidc_subject text unique,
    created_at timestamptz not null default now(),
    disabled_at timestamptz,
    check ((role = 'patient') = (patient_id is not null))
);
comment on table access.account is
    'People who log in; a patient''s account points at the patient. Retention: 1 year disabled';

create table access.password (
    account_id integer primary key references access.account on delete cascade,
    password_hash text not null check (password_hash like '$argon2id$%'),
    changed_at timestamptz not null default now(),
    must_change boolean not null default false
);
comment on table access.password is 'Apart from the account, so that only api can read it';

create table access.session (
    id uuid primary key default gen_random_uuid(),
    account_id integer not null references access.account on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    revoked_because text
);
create index session_account on access.session (account_id);
comment on table access.session is 'One log-in. Retention: 30 days after its end';

create table access.refresh_token (
    token_hash bytea primary key check (length(token_hash) = 32),
    session_id uuid not null references access.session on delete cascade,
    issued_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz
);
create index refresh_token_session on access.refresh_token (session_id);
comment on table access.refresh_token is
    'SHA-256 of each token of a session; one that comes a second time ends the session. '
    'Retention: with the session';

create table access.care_team (
    id integer generated always as identity primary key,
    key text not null unique check (key ~ '^[a-z0-9-]{1,40}$'),
    name text not null,
    ward_id integer references registry.ward
);
comment on table access.care_team is
    'A team with a ward cares for whoever lies there; one without for those in care_team_patient. '
    'Retention: for ever';

create table access.membership (
    id bigint generated always as identity primary key,
    care_team_id integer not null references access.care_team,
    account_id integer not null references access.account on delete cascade,
    starts timestamptz not null default now(),
    ends timestamptz,
    check (ends is null or ends > starts)
);
create index membership_account on access.membership (account_id);
create index membership_team on access.membership (care_team_id);
comment on table access.membership is 'Who belonged to which team when. Retention: 10 years';

create table access.care_team_patient (
    id bigint generated always as identity primary key,
    care_team_id integer not null references access.care_team,
    patient_id integer not null references registry.patient,
    starts timestamptz not null default now(),
    ends timestamptz,
    check (ends is null or ends > starts)
);
create index care_team_patient_patient on access.care_team_patient (patient_id);
create index care_team_patient_team on access.care_team_patient (care_team_id);
comment on table access.care_team_patient is 'Whom a team cares for. Retention: 10 years';

create table access.relation (
    id bigint generated always as identity primary key,
    account_id integer not null references access.account on delete cascade,
    patient_id integer not null references registry.patient,
    kind text not null check (
        kind in ('responsible', 'treating', 'consulting', 'on_duty', 'relative', 'break_glass')),
    scope jsonb not null default '{}',
    reason text check (length(reason) <= 1000),
    starts timestamptz not null default now(),
    ends timestamptz,
    check (ends is null or ends > starts),
    check (kind <> 'break_glass' or (reason is not null and ends is not null))
);
create index relation_account on access.relation (account_id, patient_id);
create index relation_patient on access.relation (patient_id);
comment on table access.relation is
    'One person to one patient; break_glass always has a reason and an end. Retention: 10 years';

create table access.idempotency_key (
    account_id integer not null references access.account on delete cascade,
    key text not null check (length(key) between 1 and 200),
    request_hash bytea not null,
    status smallint,
    response jsonb,
    created_at timestamptz not null default now(),
    primary key (account_id, key)
);
comment on table access.idempotency_key is 'Answers of POSTs that may come again. Retention: 24 h';

-------------------------------------------------------------------------------------- gateway

create table gateway.clock_segment (
    device_id integer not null references registry.device,
    boot bigint not null check (boot between 0 and 4294967295),
    from_n bigint not null check (from_n between 0 and 4294967295),
    offset_us bigint not null,
    flags integer not null default 0,
    made_at timestamptz not null default now(),
    primary key (device_id, boot, from_n)
);
comment on table gateway.clock_segment is
    'Device time + offset_us = UTC for messages from from_n on, until the next segment; never '
    'changed once written. Retention: with the frames';

create table gateway.clock_correction (
    device_id integer not null references registry.device,
    boot bigint not null,
    at_us bigint not null,
    correction_us bigint not null,
    primary key (device_id, boot, at_us)
);
comment on table gateway.clock_correction is
    'Slow drift found later, applied on read; stored times never move. Retention: with the frames';

create table gateway.remainder (
    device_id integer not null references registry.device,
    codec text not null,
    boot bigint not null,
    next_n bigint not null,
    bytes bytea not null check (length(bytes) <= 1048576),
    received_us bigint not null,
    primary key (device_id, codec)
);
comment on table gateway.remainder is
    'The acknowledged but unfinished rest of a native byte stream. Retention: until finished';

create table gateway.presence (
    device_id integer primary key references registry.device,
    online boolean not null,
    boot bigint,
    device_t_us bigint,
    changed_at timestamptz not null,
    seen_at timestamptz not null,
    firmware text,
    battery_percent real,
    rssi_dbm real,
    buffered integer,
    reported jsonb not null default '{}'
);
comment on table gateway.presence is 'The newest up/status of each device. Retention: the device';

create table gateway.command (
    id uuid primary key,
    device_id integer not null references registry.device,
    name text not null,
    args jsonb not null default '{}',
    requested_by text not null,
    expires_at timestamptz not null,
    sent_at timestamptz,
    outcome text check (outcome in ('done', 'refused', 'failed', 'expired')),
    detail text,
    finished_at timestamptz
);
create index command_open on gateway.command (device_id) where outcome is null;
comment on table gateway.command is 'Commands taken from the queue. Retention: 1 year';

------------------------------------------------------------------------------------------ dsp

create table dsp.position (
    incarnation integer not null,
    stream text not null,
    replay_offset bigint not null,
    watermark_us bigint not null,
    saved_at timestamptz not null default now(),
    primary key (incarnation, stream)
);
comment on table dsp.position is
    'Where a replay begins to rebuild the windows, and up to when output was given. '
    'Retention: newest incarnations';

---------------------------------------------------------------------------------------- audit

create table audit.chain (
    chain text primary key,
    last_n bigint not null,
    last_hash bytea not null
);
comment on table audit.chain is 'The newest link of each chain; one chain a writing role';

create table audit.entry (
    chain text not null,
    n bigint not null,
    at_us bigint not null,
    actor text not null,
    action text not null,
    patient_id integer,
    device_id integer,
    resource text not null,
    outcome text not null,
    reason text,
    origin text,
    request_id text,
    detail jsonb not null,
    previous_hash bytea not null,
    hash bytea not null,
    primary key (chain, n)
);
create index entry_patient on audit.entry (patient_id, at_us) where patient_id is not null;
create index entry_time on audit.entry (at_us);
comment on table audit.entry is
    'Who (actor) did what (action) to what (resource) with which outcome. Retention: 10 years';

create function audit.link(entry audit.entry) returns bytea
language sql immutable
set search_path = pg_catalog
as $$
    -- jsonb orders its keys, so the text is the same for the same entry
    select sha256(entry.previous_hash || convert_to(
        (to_jsonb(entry) - 'hash' - 'previous_hash')::text, 'UTF8'))
$$;

create function audit.append(
    actor text,
    action text,
    resource text,
    outcome text,
    patient_id integer default null,
    device_id integer default null,
    reason text default null,
    origin text default null,
    request_id text default null,
    detail jsonb default '{}'
) returns bigint
language plpgsql
security definer
set search_path = pg_catalog
as $$
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
comment on function audit.append is
    'Appends one entry to the chain of the calling role and gives its number. The only way in';

create function audit.verify() returns table (chain text, n bigint, what text)
language sql stable
set search_path = pg_catalog
as $$
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
comment on function audit.verify is 'What is broken in the chains; no row = all is whole';

create function audit.refuse_change() returns trigger
language plpgsql
set search_path = pg_catalog
as $$
begin
    raise exception 'the audit trail is append-only' using errcode = 'insufficient_privilege';
end
$$;
create trigger entry_append_only before update or delete or truncate on audit.entry
    for each statement execute function audit.refuse_change();

--------------------------------------------------------------------------------------- grants

grant select on registry.deployment to vw_gateway, vw_dsp, vw_storage, vw_alarms, vw_api;
grant select on registry.device to vw_gateway, vw_dsp, vw_alarms;
grant select (id, device, shard) on registry.device to vw_storage;
grant select on registry.assignment to vw_gateway, vw_dsp, vw_alarms;
grant select on registry.device_credential to vw_gateway;
grant select (id, key, birth_date, sex) on registry.patient to vw_dsp, vw_alarms;
grant select on registry.ward, registry.bed, registry.stay, registry.alarm_limit to vw_alarms;
grant select, insert, update, delete on
    registry.ward, registry.bed, registry.patient, registry.device, registry.device_credential,
    registry.assignment, registry.stay, registry.alarm_limit to vw_api;

grant select on access.account, access.care_team, access.membership, access.care_team_patient,
    access.relation to vw_alarms;
grant select, insert, update, delete on
    access.account, access.password, access.session, access.refresh_token, access.care_team,
    access.membership, access.care_team_patient, access.relation, access.idempotency_key
    to vw_api;

grant select, insert, update, delete on
    gateway.clock_segment, gateway.clock_correction, gateway.remainder, gateway.presence,
    gateway.command to vw_gateway;
grant select on gateway.clock_segment, gateway.clock_correction to vw_dsp;
grant select on gateway.presence to vw_alarms;
grant select on gateway.clock_segment, gateway.clock_correction, gateway.presence,
    gateway.command to vw_api;

grant select, insert, update, delete on dsp.position to vw_dsp;
grant select on dsp.position to vw_api;

grant execute on function audit.append to vw_gateway, vw_dsp, vw_storage, vw_alarms, vw_api;
grant execute on function audit.verify, audit.link to vw_api;
grant select on audit.entry, audit.chain to vw_api;
