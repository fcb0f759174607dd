-- Places of a patient whom access has let through: four vital signs of one moment and device each.

-- name: newest_place
-- The newest place since a moment, of one device where it is named; where several devices tell one,
-- the surest. Patient 0: while nobody wore the device.
select v.t, d.device,
    max(v.value) filter (where v.measure = $3) as x,
    max(v.value) filter (where v.measure = $4) as y,
    max(v.value) filter (where v.measure = $5) as within_m,
    max(v.quality) filter (where v.measure = $3) as quality,
    max(v.validity) filter (where v.measure = $3) as validity,
    max(v.value) filter (where v.measure = $6) as room,
    max(v.quality) filter (where v.measure = $6) as room_quality
from signal.vital_value v
join registry.device d on d.id = v.device_id
where v.patient_id = $1 and v.t >= $2 and v.measure in ($3, $4, $5, $6)
    and ($7::integer is null or v.device_id = $7)
group by v.t, v.device_id, d.device
having count(*) filter (where v.measure = $3 and v.value <> 'NaN') > 0
order by v.t desc, quality desc, d.device
limit 1;

-- name: track
-- Places of an interval, oldest first, behind a moment and a device in that order.
select v.t, v.device_id, d.device,
    max(v.value) filter (where v.measure = $4) as x,
    max(v.value) filter (where v.measure = $5) as y,
    max(v.value) filter (where v.measure = $6) as within_m,
    max(v.quality) filter (where v.measure = $4) as quality,
    max(v.validity) filter (where v.measure = $4) as validity,
    max(v.value) filter (where v.measure = $7) as room,
    max(v.quality) filter (where v.measure = $7) as room_quality
from signal.vital_value v
join registry.device d on d.id = v.device_id
where v.patient_id = $1 and v.t >= $2 and v.t < $3 and v.measure in ($4, $5, $6, $7)
    and ($8::bigint is null or (v.t, v.device_id) > ($8, $9::integer))
    and ($10::text is null or d.device = $10)
group by v.t, v.device_id, d.device
having count(*) filter (where v.measure = $4) > 0
order by v.t, v.device_id
limit $11;

-- name: rooms
-- Rooms by their numbers, each with its map.
select r.id, r.name, r.map_id, m.site, m.floor
from registry.place_room r
join registry.place_map m on m.id = r.map_id
where r.id = any($1::integer[]);

-- name: plan
-- The rooms of a map, in its order.
select id, name, outline from registry.place_room where map_id = $1 order by n;

-- name: time_in_rooms
-- How long each room was the one of a patient: a place holds until the next one of whichever
-- device, $5 us at most; of several at one moment the surest.
with told as (
    select distinct on (v.t) v.t, u.value as room
    from signal.vital v
    cross join lateral unnest(v.measure, v.value, v.quality) as u (measure, value, quality)
    where v.patient_id = $1 and v.t >= $2 and v.t < $3
        and $4::smallint = any(v.measure) and u.measure = $4::smallint
    order by v.t, (u.value = 'NaN'), u.quality desc, v.device_id
), lasting as (
    select room, t, least(coalesce(lead(t) over (order by t), $3) - t, $5::bigint) as us from told
)
select room, sum(us)::bigint as us, min(t) as first, max(t + us) as last
from lasting
where room <> 'NaN'
group by room
order by us desc, room
limit $6;
