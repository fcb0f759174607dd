-- How devices come to patients and go: codes to claim one, secrets that change without a gap, groups.

create table registry.claim_code (
    device_id integer primary key references registry.device,
    salt bytea not null check (length(salt) = 16),
    code_hash bytea not null check (length(code_hash) = 32),
    expires_at timestamptz not null,
    failures smallint not null default 0,
    made_by text not null,
    made_at timestamptz not null default now()
);
comment on table registry.claim_code is
    'Who knows the code may put the device on a patient of theirs, once; only its salted hash is '
    'here, and five wrong ones end it. Retention: until used or expired';
grant select, insert, update, delete on registry.claim_code to vw_api;

create table registry.next_credential (
    device_id integer primary key references registry.device,
    password_hash text not null,
    takes_effect_at timestamptz not null,
    created_at timestamptz not null default now()
);
comment on table registry.next_credential is
    'A secret that replaces the one in force when it is confirmed, at the latest at '
    'takes_effect_at: a broker knows one secret a device. Retention: until then';
create trigger next_credential_changed
    after insert or update or delete on registry.next_credential
    for each statement execute function registry.notify_change();
grant select, insert, update, delete on registry.next_credential to vw_api;
grant select on registry.next_credential to vw_gateway;

create table registry.device_group (
    id integer generated always as identity primary key,
    key text not null unique check (key ~ '^[a-z0-9-]{1,40}$'),
    name text not null check (length(name) between 1 and 200),
    created_at timestamptz not null default now()
);
comment on table registry.device_group is 'Devices that are managed together. Retention: for ever';
create table registry.device_group_member (
    group_id integer not null references registry.device_group on delete cascade,
    device_id integer not null references registry.device,
    primary key (device_id, group_id)
);
create index device_group_member_group on registry.device_group_member (group_id);
comment on table registry.device_group_member is 'Retention: for ever';
grant select, insert, update, delete on registry.device_group, registry.device_group_member
    to vw_api;
