-- Commands as people ask for them and as the gateway carries them out; what is wished of devices;
-- counters of devices.

create table registry.command (
    id uuid primary key,
    device_id integer not null references registry.device,
    name text not null check (length(name) between 1 and 40),
    args jsonb not null default '{}',
    requested_by text not null,
    requested_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index command_of_device on registry.command (device_id, requested_at desc, id desc);
comment on table registry.command is
    'Commands as they were asked for; what became of them is in gateway.command, which has no row '
    'before the gateway has taken them. Retention: 1 year';
grant select, insert, update, delete on registry.command to vw_api;

alter table gateway.command drop constraint command_outcome_check;
alter table gateway.command add constraint command_outcome_check
    check (outcome in ('done', 'refused', 'failed', 'expired', 'unknown'));
alter table gateway.command add column sends smallint not null default 0;
alter table gateway.command add column taken_at timestamptz not null default now();
alter table gateway.command add column told_at timestamptz;
create index command_untold on gateway.command (device_id)
    where outcome is not null and told_at is null;
create index command_lost on gateway.command (device_id, expires_at) where outcome = 'unknown';
comment on column gateway.command.sends is
    'How often it was given to MQTT, raised before each time; more than once only after the device '
    'said that it had not seen it';
comment on column gateway.command.told_at is 'When the event of the outcome was durable';

create table registry.device_configuration (
    device_id integer primary key references registry.device,
    version integer not null check (version >= 1),
    configuration jsonb not null,
    changed_by text not null,
    changed_at timestamptz not null default now()
);
comment on table registry.device_configuration is
    'What is wished of a device; what it reports is in gateway.presence. Retention: the device; '
    'history is in audit';
create trigger device_configuration_changed
    after insert or update or delete on registry.device_configuration
    for each statement execute function registry.notify_change();
grant select, insert, update, delete on registry.device_configuration to vw_api;
grant select on registry.device_configuration to vw_gateway;

create table gateway.device_counter (
    device_id integer not null references registry.device,
    kind text not null check (kind in ('messages', 'refused')),
    reason text not null default '',
    n bigint not null,
    newest_at timestamptz not null,
    primary key (device_id, kind, reason)
);
comment on table gateway.device_counter is
    'Messages of a device taken, and refused by reason. Written behind: a killed gateway loses the '
    'last seconds of it. Retention: the device';
grant select, insert, update, delete on gateway.device_counter to vw_gateway;
grant select on gateway.device_counter to vw_api;
