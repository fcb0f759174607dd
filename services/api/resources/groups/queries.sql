-- Groups of devices, for those who manage devices.

-- name: groups
-- Groups behind a key, in their order, with the names of their devices; of all, or this one only.
select g.key, g.name,
    coalesce(array_agg(d.device order by d.device) filter (where d.id is not null), '{}') as devices
from registry.device_group g
left join registry.device_group_member m on m.group_id = g.id
left join registry.device d on d.id = m.device_id
where g.key > $1 and ($2::text is null or g.key = $2)
group by g.id
order by g.key
limit $3;

-- name: add_group
-- A new group.
insert into registry.device_group (key, name) values ($1, $2);

-- name: remove_group
-- A group ends; its devices stay.
delete from registry.device_group where key = $1;

-- name: add_member
-- A device belongs to a group.
insert into registry.device_group_member (group_id, device_id)
select g.id, $2 from registry.device_group g where g.key = $1
on conflict do nothing;

-- name: remove_member
-- A device belongs to a group no more.
delete from registry.device_group_member m
using registry.device_group g
where g.id = m.group_id and g.key = $1 and m.device_id = $2;
