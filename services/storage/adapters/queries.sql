-- name: claim_positions
-- Takes streams over: their next epoch, and up to where they are stored.
insert into signal.stream_position as held (incarnation, stream, epoch)
select $1, wanted.stream, 1 from unnest($2::text[]) as wanted (stream) order by wanted.stream
on conflict (incarnation, stream) do update set epoch = held.epoch + 1, updated_at = now()
returning stream, epoch, last_offset;

-- name: advance_position
-- Moves a position that this owner still holds; no row where it does not.
update signal.stream_position set last_offset = $5, updated_at = now()
where incarnation = $1 and stream = $2 and epoch = $3 and last_offset = $4;

-- name: position
-- Where a stream stands, to tell a lost lane from a commit whose answer was lost.
select epoch, last_offset from signal.stream_position where incarnation = $1 and stream = $2;

-- name: ensure_partitions
-- Makes the partitions that are missing.
select signal.ensure_partitions($1, $2::bigint[]);

-- name: highest_n
-- The highest stored n of each boot, -1 where none is; one look into the index a partition.
select wanted.device_id, wanted.boot, greatest(
    coalesce((select max(f.n) from signal.frame f
        where f.device_id = wanted.device_id and f.boot = wanted.boot), -1),
    coalesce((select upper(r.n) - 1 from signal.received r
        where r.device_id = wanted.device_id and r.boot = wanted.boot), -1)) as n
from unnest($1::integer[], $2::bigint[]) as wanted (device_id, boot);

-- name: stored_in
-- Stored frames of stretches of messages, at any time: one look into the index a stretch and
-- partition. "offset 0" keeps it a loop over index scans, whatever the planner believes.
select wanted.device_id, wanted.boot, f.*
from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[])
    as wanted (device_id, boot, from_n, to_n)
cross join lateral (
    select f.n, f.part, f.t0, f.stream, f.interval_ns, f.channels, f.format, f.place, f.scale,
        f.add_offset, f.flags, f.samples
    from signal.frame f
    where f.device_id = wanted.device_id and f.boot = wanted.boot
        and f.n between wanted.from_n and wanted.to_n
    offset 0) as f;

-- name: received_before
-- Those of these identities whose rows are no longer in the table of frames.
select wanted.place as wanted
from unnest($1::integer[], $2::bigint[], $3::bigint[])
    with ordinality as wanted (device_id, boot, n, place)
join signal.received r on r.device_id = wanted.device_id and r.boot = wanted.boot
    and r.n @> wanted.n;

-- name: keep_aside
-- Keeps frames that were refused, each content once.
insert into signal.conflict (device_id, boot, n, part, t0, digest, stream, interval_ns, received,
    flags, channels, format, place, scale, add_offset, samples, reason)
select * from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[],
    $6::bytea[], $7::smallint[], $8::bigint[], $9::bigint[], $10::integer[], $11::smallint[],
    $12::smallint[], $13::smallint[], $14::real[], $15::real[], $16::bytea[], $17::text[])
on conflict do nothing;

-- name: vitals_to_merge
-- Rows that are there under these keys, held until the end of the transaction.
select v.patient_id, v.t, v.device_id, v.received, v.measure, v.method, v.value, v.quality,
    v.validity, v.flags, v.revision
from unnest($1::integer[], $2::bigint[], $3::integer[]) as wanted (patient_id, t, device_id)
join signal.vital v using (patient_id, t, device_id)
order by v.patient_id, v.t, v.device_id
for update of v;

-- name: put_vital
-- Writes a row, or replaces the one under its key.
insert into signal.vital (patient_id, t, device_id, received, measure, method, value, quality,
    validity, flags, revision)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (patient_id, t, device_id) do update set
    received = excluded.received, measure = excluded.measure, method = excluded.method,
    value = excluded.value, quality = excluded.quality, validity = excluded.validity,
    flags = excluded.flags, revision = excluded.revision;

-- name: put_beats
-- Writes beats; of one that is there the higher revision stays.
insert into signal.beat as there (device_id, t, kind, class, revision, rr_ms, quality)
select * from unnest($1::integer[], $2::bigint[], $3::smallint[], $4::smallint[], $5::smallint[],
    $6::real[], $7::real[])
on conflict (device_id, t, kind) do update set
    class = excluded.class, revision = excluded.revision, rr_ms = excluded.rr_ms,
    quality = excluded.quality
where excluded.revision > there.revision;

-- name: put_events
-- Writes the events that are new.
insert into signal.event (device_id, id, patient_id, t, kind, severity, source, text_key, data,
    incarnation, stream_offset)
select e.device_id, e.id, e.patient_id, e.t, e.kind, e.severity, e.source, e.text_key,
    e.data::jsonb, e.incarnation, e.stream_offset
from unnest($1::integer[], $2::text[], $3::integer[], $4::bigint[], $5::text[], $6::text[],
    $7::text[], $8::text[], $9::text[], $10::integer[], $11::bigint[])
    as e (device_id, id, patient_id, t, kind, severity, source, text_key, data, incarnation,
        stream_offset)
on conflict do nothing;

-- name: deployment
-- How many lanes there are, and which incarnation of the streams.
select lanes, incarnation from registry.deployment;
