-- Changing the number of lanes: who asked for it, how far it is, and which lanes have come to rest.

create table registry.lane_change (
    id integer generated always as identity primary key,
    from_lanes smallint not null check (from_lanes in (1, 2, 4, 8, 16, 32, 64)),
    from_incarnation integer not null check (from_incarnation > 0),
    to_lanes smallint not null check (to_lanes in (1, 2, 4, 8, 16, 32, 64)),
    to_incarnation integer not null,
    phase text not null default 'pausing'
        check (phase in ('pausing', 'computing', 'writing', 'switched', 'done', 'given_up')),
    hold_until timestamptz not null,
    asked_by text not null,
    asked_at timestamptz not null default clock_timestamp(),
    switched_at timestamptz,
    ended_at timestamptz,
    check (to_incarnation > from_incarnation),
    check ((phase in ('done', 'given_up')) = (ended_at is not null))
);
create unique index lane_change_one_open on registry.lane_change ((true)) where ended_at is null;
comment on table registry.lane_change is
    'Changes of the number of lanes. Until it is switched a change holds only until hold_until, '
    'which its command moves on each second: then everybody goes on as before. to_incarnation is '
    'never used twice, not even after a change that was given up. Retention: for ever';

create table registry.lane_left (
    change_id integer not null references registry.lane_change,
    service text not null check (service in ('gateway', 'dsp', 'storage', 'alarms')),
    lane smallint not null check (lane between 0 and 64),
    left_at timestamptz not null default clock_timestamp(),
    primary key (change_id, service, lane)
);
comment on table registry.lane_left is
    'Lanes on which a service has done all that there was and works no more until the change has '
    'ended; storage has one lane more, the events. Retention: for ever';

create function registry.leave_lane(change integer, lane integer) returns boolean
language plpgsql
security definer
set search_path = pg_catalog
as $$
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
comment on function registry.leave_lane is
    'Says that the service of this role works no more on a lane while the change is under way; '
    'false where it is over';

revoke execute on function registry.leave_lane from public;
grant execute on function registry.leave_lane to vw_gateway, vw_dsp, vw_storage, vw_alarms;
grant select on registry.lane_change, registry.lane_left
    to vw_gateway, vw_dsp, vw_storage, vw_alarms, vw_api;
