-- name: load_position
-- Where the replay of a stream begins and what was given out.
select replay_offset, given_offset, watermark_us
from dsp.position
where incarnation = $1 and stream = $2;

-- name: save_position
-- Remembers where a replay begins and what was given out.
insert into dsp.position (incarnation, stream, replay_offset, given_offset, watermark_us, saved_at)
values ($1, $2, $3, $4, $5, now())
on conflict (incarnation, stream) do update set
    replay_offset = excluded.replay_offset,
    given_offset = excluded.given_offset,
    watermark_us = excluded.watermark_us,
    saved_at = excluded.saved_at;

-- name: note_late
-- Leaves a time to be computed again; what comes again for it puts that off.
insert into dsp.late_interval (
    device_id, stream, start_us, end_us, lane, incarnation, after_stream, after_offset)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (device_id, stream, start_us, end_us) do update set
    lane = excluded.lane,
    incarnation = excluded.incarnation,
    after_stream = excluded.after_stream,
    after_offset = excluded.after_offset,
    shown_us = null,
    due_us = 0,
    noted_at = now();

-- name: stored_late
-- Times of a lane that ended long enough ago, whose samples are stored, with nothing more coming of
-- the device for a while, for a minute at most: who always sends late is worked in too. Those that
-- wait longest, so that no device waits for the others for ever.
select device_id, stream, start_us, end_us, shown_us, noted_at
from (
    select l.device_id, l.stream, l.start_us, l.end_us, l.shown_us, l.noted_at
    from dsp.late_interval l
    where l.lane = $1
      and l.end_us <= $4
      and l.due_us <= $4
      and (
        l.noted_at < now() - interval '60 s'
        or not exists (
            select from dsp.late_interval other
            where other.device_id = l.device_id and other.stream = l.stream
              and other.noted_at > now() - make_interval(secs => $2)))
      and (
        l.incarnation < $3
        or exists (
            select from signal.stream_position p
            where p.incarnation = l.incarnation and p.stream = l.after_stream
              and p.last_offset >= l.after_offset))
    order by l.due_us, l.noted_at
    limit 500
) as longest
order by device_id, stream, start_us;

-- name: waiting_late
-- How many times of a lane wait to be computed again.
select count(*) from dsp.late_interval where lane = $1;

-- name: highest_revision
-- The highest revision that was given out for any part of a time.
select coalesce(max(revision), 0)
from dsp.correction
where device_id = $1 and stream = $2 and start_us < $4 and end_us > $3;

-- name: forget_late
-- Forgets a time that was computed again, unless it was noted anew meanwhile.
delete from dsp.late_interval
where device_id = $1 and stream = $2 and start_us = $3 and end_us = $4 and noted_at = $5;

-- name: put_off_late
-- Values before a time were computed with it; it is due again later, unless it was noted anew
-- meanwhile.
update dsp.late_interval
set shown_us = $6, due_us = $7
where device_id = $1 and stream = $2 and start_us = $3 and end_us = $4 and noted_at = $5;

-- name: stored_offset
-- The newest message of a stream that is stored.
select last_offset from signal.stream_position where incarnation = $1 and stream = $2;

-- name: remember_correction
-- Remembers in which revision a time was given out.
insert into dsp.correction (device_id, stream, start_us, end_us, revision)
values ($1, $2, $3, $4, $5)
on conflict (device_id, stream, start_us, end_us) do update set
    revision = greatest(dsp.correction.revision, excluded.revision), done_at = now();

-- name: recent_assignments
-- Who wore which device in the last days.
select device_id, patient_id,
    (extract(epoch from starts) * 1000000)::bigint as starts_us,
    (extract(epoch from ends) * 1000000)::bigint as ends_us
from registry.assignment
where ends is null or ends > now() - interval '3 days'
order by device_id, starts;

-- name: assignments_of
-- Who ever wore a device.
select device_id, patient_id,
    (extract(epoch from starts) * 1000000)::bigint as starts_us,
    (extract(epoch from ends) * 1000000)::bigint as ends_us
from registry.assignment
where device_id = $1
order by device_id, starts;

-- name: stored_frames
-- The frames of one stream of a device that begin in a time, by time.
select device_id, boot, n, part, stream, t0, interval_ns, received, flags, channels, format, place,
    scale, add_offset, samples
from signal.frame
where device_id = $1 and stream = $2 and t0 >= $3 and t0 < $4
order by t0, boot, n, part;

-- name: stored_blocks
-- The compressed minutes of one stream of a device in a time.
select content
from signal.block
where device_id = $1 and stream = $2 and t0 >= $3 and t0 < $4
order by t0, place;

-- name: stored_beats
-- The beats of a device in a time that no later revision has withdrawn.
select device_id, t, kind, class, revision, rr_ms, quality
from signal.beat
where device_id = $1 and t >= $2 and t < $3 and kind = any($4::smallint[]) and quality > 0
order by t;

-- name: stored_values
-- Values of a patient in a time, of all devices: in the order of the fields of vitals.v1.
select t, received, device_id, patient_id, value, quality, measure, revision, validity, method,
    flags
from signal.vital_value
where patient_id = $1 and t >= $2 and t < $3 and measure = any($4::smallint[])
order by t, device_id, measure, method;

-- name: place_uses
-- When which maps held, of the last 30 days: what is older is not computed again with them.
select u.map_id, u.from_us, u.until_us
from registry.place_use u
where u.until_us is null
    or (u.until_us > u.from_us and u.until_us > extract(epoch from now() - interval '30 days') * 1e6)
order by u.from_us, u.id;

-- name: place_map
-- The measured places of a map; none when it was removed.
select access_points, points from registry.place_map where id = $1;

-- name: place_rooms
-- The numbers of the rooms of a map, in its own order.
select id from registry.place_room where map_id = $1 order by n;

-- name: devices_of_models
-- Devices of some models that came to be known since another.
select id, model from registry.device where model = any($1::text[]) and id > $2 order by id;

-- name: stances_told
-- Told stances whose samples nobody has looked at, with their age; the oldest first, some at a time.
select s.id, s.device_id, s.at_us, (extract(epoch from now()) * 1e6)::bigint - s.at_us as age_us
from registry.stance s
where not exists (select from dsp.stance d where d.stance_id = s.id)
order by s.id
limit 20;

-- name: keep_stance
-- What the samples of a told stance said; from a whole second so long from now on. Who was first
-- counts.
insert into dsp.stance (stance_id, from_us, chest, thigh, refusal)
values ($1, ceil(extract(epoch from now()) + $2::double precision)::bigint * 1000000, $3, $4, $5)
on conflict (stance_id) do nothing;

-- name: stances
-- How sensors sit, until the next was told, it was taken back or the device was taken off: of the
-- last 30 days.
select device_id, from_us, until_us, chest, thigh
from (
    select s.device_id, d.from_us, d.chest, d.thigh,
        least(
            lead(d.from_us) over (partition by s.device_id order by d.from_us, s.id),
            s.until_us,
            (extract(epoch from a.ends) * 1e6)::bigint) as until_us
    from dsp.stance d
    join registry.stance s on s.id = d.stance_id
    join registry.assignment a on a.id = s.assignment_id
    where d.refusal is null
) as told
where until_us is null
    or (until_us > from_us and until_us > extract(epoch from now() - interval '30 days') * 1e6)
order by device_id, from_us;
