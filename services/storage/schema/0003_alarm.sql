-- Alarms: what stands and what stood, what the rules are waiting for, and what is still to be told.
-- Written by alarms. Times are microseconds since 1970 UTC.

create table alarm.alarm (
    patient_id integer not null references registry.patient,
    id text not null,
    device_id integer not null default 0,
    condition text not null check (condition ~ '^[a-z0-9_]{2,40}$'),
    kind text not null check (kind in ('physiological', 'technical')),
    priority text not null check (priority in ('high', 'medium', 'low')),
    state text not null check (state in ('active', 'acknowledged', 'cleared', 'ended')),
    revision integer not null check (revision >= 1),
    since_us bigint not null,
    updated_us bigint not null,
    ended_us bigint,
    ended_because text check (ended_because in ('cleared', 'seen', 'again', 'switched_off')),
    acknowledged_by integer,
    data jsonb not null,
    primary key (patient_id, id),
    check ((state = 'ended') = (ended_us is not null)),
    check ((state = 'ended') = (ended_because is not null))
);
-- The database itself lets nobody raise the same alarm twice.
create unique index alarm_standing on alarm.alarm (patient_id, condition, device_id)
    where state <> 'ended';
create index alarm_since on alarm.alarm (patient_id, since_us);
create index alarm_id on alarm.alarm (id);
comment on table alarm.alarm is
    'One row an occurrence. data = the alarm as its newest event carries it, for the api to show. '
    'state cleared = the cause has ended and nobody has seen it; ended = of the past. '
    'Retention: 10 years';

create table alarm.watch (
    patient_id integer primary key references registry.patient,
    state jsonb not null,
    due_us bigint,
    saved_at timestamptz not null default now()
) with (fillfactor = 70);
comment on table alarm.watch is
    'What the rules remember of a patient, with the next deadline (due_us): delays that run, '
    'silence, alarms that return. Saved together with alarm.position. Retention: with the patient';

create table alarm.position (
    incarnation integer not null,
    stream text not null,
    lane smallint not null,
    next_offset bigint not null,
    saved_at timestamptz not null default now(),
    primary key (incarnation, stream, lane)
);
comment on table alarm.position is
    'The offset of a stream from which the patients of a lane read on. Retention: newest incarnations';

create table alarm.lane (
    lane smallint primary key,
    saves bigint not null
);
comment on table alarm.lane is
    'Counts the saves of each lane: who finds another number than it left has lost the lane to '
    'another process, and reads everything again. Retention: for ever';

create table alarm.action (
    id text primary key check (length(id) between 1 and 100),
    patient_id integer not null references registry.patient,
    body jsonb not null,
    taken_us bigint not null,
    done_us bigint,
    outcome text check (outcome in ('done', 'too_late', 'unknown'))
);
create index action_open on alarm.action (taken_us) where done_us is null;
comment on table alarm.action is
    'What people asked to be done to alarms, once by id; carried out by the owner of the '
    'patient''s lane. Retention: 10 years';

create table alarm.outbox (
    place bigint generated always as identity primary key,
    patient_id integer not null,
    lane smallint not null,
    exchange text not null check (exchange in ('events', 'notices')),
    message_id text not null,
    body bytea not null
);
comment on table alarm.outbox is
    'Events and notices that were decided and whose confirm by RabbitMQ is still open. '
    'Retention: until confirmed';

create table alarm.limit_in_force (
    patient_id integer not null references registry.patient,
    measure text not null,
    low real,
    high real,
    extreme_low real,
    extreme_high real,
    enabled boolean not null,
    delay_s real not null,
    source text not null,
    changed_at timestamptz not null default now(),
    primary key (patient_id, measure)
);
comment on table alarm.limit_in_force is
    'The limits that the rules use for a patient now: defaults by age under those of site, ward '
    'and patient in registry.alarm_limit; source tells which. Retention: with the patient';

grant select, insert, update, delete on alarm.watch, alarm.position, alarm.lane,
    alarm.outbox, alarm.limit_in_force to vw_alarms;
grant select, insert, update on alarm.alarm, alarm.action to vw_alarms;
grant select on alarm.alarm, alarm.action, alarm.limit_in_force to vw_api;
