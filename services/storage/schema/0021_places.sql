-- Maps of measured places: what WiFi strengths say about where somebody is.

create table registry.place_map (
    id integer generated always as identity primary key,
    site text not null check (site ~ '^[a-z0-9-]{1,40}$'),
    floor text not null check (floor ~ '^[a-z0-9-]{1,40}$'),
    version integer not null check (version > 0),
    access_points text[] not null check (cardinality(access_points) between 1 and 64),
    n_points integer not null check (n_points between 1 and 5000),
    points jsonb,
    digest bytea not null check (length(digest) = 32),
    made_by text not null,
    made_at timestamptz not null default now(),
    removed_at timestamptz,
    unique (site, floor, version),
    check ((points is null) = (removed_at is not null))
);
comment on table registry.place_map is
    'Maps of floors; points are [x m, y m, number of the room in the map, heading or null, [dBm or '
    'null of each access point]]. Retention: for ever, without points once it is removed';

create table registry.place_room (
    id integer generated always as identity primary key check (id < 16777216),
    map_id integer not null references registry.place_map,
    n integer not null check (n >= 0),
    name text not null check (length(name) between 1 and 80),
    outline jsonb,
    unique (map_id, n),
    unique (map_id, name)
);
comment on table registry.place_room is
    'Rooms of maps. id is the value of the vital sign room, so it stays; outline: corners [x m, '
    'y m] or null. Retention: for ever';

create table registry.place_use (
    id integer generated always as identity primary key,
    map_id integer not null references registry.place_map,
    from_us bigint not null,
    until_us bigint,
    used_by text not null,
    check (until_us is null or until_us >= from_us)
);
create index place_use_of_map on registry.place_use (map_id, from_us desc);
comment on table registry.place_use is
    'When a map held, [from, until) in us UTC; of one floor one at a time. Retention: for ever';

grant select, insert, update on registry.place_map, registry.place_use to vw_api;
grant select, insert on registry.place_room to vw_api;
grant select (id, access_points, points) on registry.place_map to vw_dsp;
grant select (id, map_id, n) on registry.place_room to vw_dsp;
grant select (id, map_id, from_us, until_us) on registry.place_use to vw_dsp;
