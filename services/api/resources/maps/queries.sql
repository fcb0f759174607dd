-- Maps of measured places: kept in versions of a floor, in use from one moment until another.

-- name: lock_floor
-- Lets one change of a floor's maps through at a time.
select pg_advisory_xact_lock(hashtext('registry.place_map'), hashtext($1 || '/' || $2));

-- name: same_map
-- The map of a floor with the same content that was not removed.
select id from registry.place_map
where site = $1 and floor = $2 and digest = $3 and removed_at is null
order by version desc
limit 1;

-- name: count_maps
-- How many maps are kept.
select count(*) from registry.place_map where removed_at is null;

-- name: add_map
-- Keeps the next version of a floor; gives its number.
insert into registry.place_map
    (site, floor, version, access_points, n_points, points, digest, made_by)
select $1, $2, 1 + coalesce(max(version), 0), $3, $4, $5, $6, $7
from registry.place_map where site = $1 and floor = $2
returning id;

-- name: add_rooms
-- Keeps the rooms of a map, in their order.
insert into registry.place_room (map_id, n, name, outline)
select $1, r.n, r.name, r.outline
from unnest($2::integer[], $3::text[], $4::jsonb[]) as r (n, name, outline);

-- name: maps
-- Maps with the newest time for which each was taken into use, the newest first; of one number
-- where it is given.
select m.id, m.site, m.floor, m.version, m.access_points, m.n_points, m.made_by, m.made_at,
    m.removed_at, u.from_us, u.until_us, u.used_by,
    (select count(*) from registry.place_room r where r.map_id = m.id)::integer as n_rooms,
    (extract(epoch from now()) * 1e6)::bigint as now_us
from registry.place_map m
left join lateral (
    select from_us, until_us, used_by from registry.place_use
    where map_id = m.id order by id desc limit 1) as u on true
where (m.removed_at is null or m.id = $1)
    and ($1::integer is null or m.id = $1) and ($2::integer is null or m.id < $2)
order by m.id desc
limit $3;

-- name: rooms
-- The rooms of a map, in its order.
select id, name, outline from registry.place_room where map_id = $1 order by n;

-- name: end_uses
-- Ends what is in use of a floor; what has not begun yet never does.
update registry.place_use u
set until_us = greatest(u.from_us, $3::bigint)
from registry.place_map m
where m.id = u.map_id and m.site = $1 and m.floor = $2
    and (u.until_us is null or u.until_us > $3::bigint);

-- name: use_map
-- Takes a map into use from a moment on.
insert into registry.place_use (map_id, from_us, used_by) values ($1, $2, $3);

-- name: end_use
-- Ends the use of a map.
update registry.place_use
set until_us = greatest(from_us, $2::bigint)
where map_id = $1 and (until_us is null or until_us > $2::bigint);

-- name: remove_map
-- Forgets what was measured; its number and its rooms stay, as vital signs name them.
update registry.place_map set removed_at = now(), points = null
where id = $1 and removed_at is null;
