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

-- name: removed_before
-- Those of these times of devices whose data retention or erasure has removed.
select wanted.place as wanted
from unnest($1::integer[], $2::bigint[]) with ordinality as wanted (device_id, t0, place)
where wanted.t0 < coalesce(
        (select min(start_us) from signal.partition_starts('block') as start_us), 1::bigint << 62)
    or exists (
        select from signal.erased_time e
        where e.device_id = wanted.device_id and wanted.t0 >= e.start_us and wanted.t0 < e.end_us)
    or exists (
        select from registry.patient_retention p
        join registry.assignment a on a.patient_id = p.patient_id
        where a.device_id = wanted.device_id
            and to_timestamp(wanted.t0 / 1000000.0) >= a.starts
            and to_timestamp(wanted.t0 / 1000000.0) < least(
                coalesce(a.ends, now()), now() - make_interval(days => p.keep_days)));

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
-- Writes beats; of one that is there the higher revision stays, and its class once it is known.
insert into signal.beat as there (device_id, t, kind, class, revision, rr_ms, quality)
select * from unnest($1::integer[], $2::bigint[], $3::smallint[], $4::smallint[], $5::smallint[],
    $6::real[], $7::real[])
on conflict (device_id, t, kind) do update set
    class = excluded.class, revision = excluded.revision, rr_ms = excluded.rr_ms,
    quality = excluded.quality
where excluded.revision > there.revision
    or (excluded.revision = there.revision and there.class = 0 and excluded.class <> 0);

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

-- name: device_shards
-- The shards of some devices, by which their lane is known.
select id, shard from registry.device where id = any($1::integer[]);

-- name: partition_starts
-- Where the partitions of a table that are there begin.
select signal.partition_starts($1) as start_us;

-- name: is_hour_filled
-- Whether an hour holds a frame.
select exists (select from signal.frame where t0 >= $1 and t0 < $2);

-- name: claim_compaction
-- Whether this transaction is the one that compacts; until its end.
select pg_try_advisory_xact_lock(hashtext('signal.compaction'), 0);

-- name: hold_hour
-- Keeps writers out of an hour of frames until the end of the transaction.
select signal.hold_hour($1);

-- name: next_stream
-- The next device and stream of an hour behind a device and stream.
select device_id, stream
from signal.frame
where t0 >= $1 and t0 < $2 and (device_id, stream) > ($3, $4)
order by device_id, stream
limit 1;

-- name: hour_of_a_stream
-- All frames of one device and stream in an hour, each column as its values in network order one
-- behind the other: the server packs them in a third of the time that we would take for rows.
select count(*) as n_frames,
    string_agg(int8send(boot), '') as boot,
    string_agg(int8send(n), '') as n,
    string_agg(int2send(part), '') as part,
    string_agg(int8send(t0), '') as t0,
    string_agg(int8send(interval_ns), '') as interval_ns,
    string_agg(int8send(received), '') as received,
    string_agg(int4send(flags), '') as flags,
    string_agg(int2send(channels), '') as channels,
    string_agg(int2send(format), '') as format,
    string_agg(int2send(place), '') as place,
    string_agg(float4send(scale), '') as scale,
    string_agg(float4send(add_offset), '') as add_offset,
    string_agg(int4send(length(samples)), '') as size,
    string_agg(samples, '') as samples
from signal.frame
where device_id = $1 and stream = $2 and t0 >= $3 and t0 < $4;

-- name: blocks_of_a_stream
-- The blocks of one device and stream in a time.
select device_id, stream, place, t0, content
from signal.block
where device_id = $1 and stream = $2 and t0 >= $3 and t0 < $4;

-- name: put_block
-- Replaces a block by one that holds more.
update signal.block set first_us = $5, end_us = $6, n_frames = $7, n_samples = $8,
    interval_ns = $9, channels = $10, flags = $11, low = $12, high = $13, content = $14
where device_id = $1 and stream = $2 and place = $3 and t0 = $4;

-- name: note_received
-- Remembers identities whose frames are in blocks.
insert into signal.received as there (device_id, boot, n)
select fresh.device_id, fresh.boot, range_agg(int8range(fresh.from_n, fresh.to_n, '[]'))
from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[])
    as fresh (device_id, boot, from_n, to_n)
group by 1, 2
order by 1, 2
on conflict (device_id, boot) do update set n = there.n + excluded.n;

-- name: empty_hour
-- Takes all frames out of an hour whose frames are in blocks.
select signal.empty_hour($1);

-- name: drop_partition
-- Removes a partition; an hour of frames only when it is empty.
select signal.drop_partition($1, $2);

-- name: blocks_under
-- Blocks by their keys.
select b.device_id, b.stream, b.place, b.t0, b.content
from unnest($1::integer[], $2::smallint[], $3::smallint[], $4::bigint[])
    as wanted (device_id, stream, place, t0)
join signal.block b using (device_id, stream, place, t0);

-- name: rollup_position
-- Up to where minutes are closed and computed.
select closed_to, done_to from signal.rollup_position;

-- name: hold_rollup_position
-- Up to where minutes are closed; stays so until the end of the transaction.
select closed_to from signal.rollup_position for share;

-- name: note_dirty
-- Notes closed minutes that change; waits for who is computing them, and keeps him off.
insert into signal.vital_dirty as there (patient_id, t)
select * from unnest($1::integer[], $2::bigint[]) as fresh (patient_id, t) order by 1, 2
on conflict (patient_id, t) do update set t = there.t;

-- name: open_rollup
-- Says where the first minutes begin, once.
update signal.rollup_position set closed_to = $1, done_to = $1, updated_at = now()
where closed_to = 0;

-- name: close_minutes
-- Closes minutes: waits for the writers who do not know it yet.
update signal.rollup_position set closed_to = $1, updated_at = now() where closed_to < $1;

-- name: claim_rollup
-- Whether this transaction is the one that rolls up; until its end.
select pg_try_advisory_xact_lock(hashtext('signal.rollup'), 0);

-- name: finish_minutes
-- Says that minutes are computed.
update signal.rollup_position set done_to = $2, updated_at = now()
where done_to = $1 and closed_to >= $2;

-- name: make_minutes
-- Computes the minutes of all patients in a time.
insert into signal.vital_minute as there (patient_id, measure, t, device_id, method, n,
    n_questionable, low, mean, high, quality, validity, flags, codes)
select patient_id, measure, t, device_id, method, n, n_questionable, low,
    case when signal.is_code(measure) then signal.most_of_codes(codes) else mean end, high,
    quality, validity, flags, codes
from (
    select patient_id, measure, t / 60000000 * 60000000 as t, device_id, method,
        count(*) filter (where counts) as n,
        count(*) filter (where counts and validity = 1) as n_questionable,
        min(value) filter (where counts) as low,
        sum(value::double precision order by t) filter (where counts)
            / nullif(count(*) filter (where counts), 0) as mean,
        max(value) filter (where counts) as high,
        sum(quality::double precision order by t) filter (where counts)
            / nullif(count(*) filter (where counts), 0) as quality,
        (array_agg(validity order by t desc))[1] as validity, bit_or(flags) as flags,
        signal.codes_of(array_agg(value) filter (where counts and signal.is_code(measure)))
            as codes
    from (
        select patient_id, t, device_id, measure, method, value, quality, validity, flags,
            value <> 'NaN' and validity <= 1 as counts
        from signal.vital_value
        where t >= $1 and t < $2) as v
    group by 1, 2, 3, 4, 5
) as made
on conflict (patient_id, measure, t, device_id, method) do update set
    n = excluded.n, n_questionable = excluded.n_questionable, low = excluded.low,
    mean = excluded.mean, high = excluded.high, quality = excluded.quality,
    validity = excluded.validity, flags = excluded.flags, codes = excluded.codes;

-- name: make_hours
-- Computes the hours of all patients in a time from their minutes.
insert into signal.vital_hour as there (patient_id, measure, t, device_id, method, n,
    n_questionable, low, mean, high, quality, validity, flags, codes)
select patient_id, measure, t, device_id, method, n, n_questionable, low,
    case when signal.is_code(measure) then signal.most_of_codes(codes) else mean end, high,
    quality, validity, flags, codes
from (
    select patient_id, measure, t / 3600000000 * 3600000000 as t, device_id, method,
        sum(n) as n, sum(n_questionable) as n_questionable, min(low) as low,
        sum(mean * n order by t) / nullif(sum(n), 0) as mean, max(high) as high,
        sum(quality::double precision * n order by t) / nullif(sum(n), 0) as quality,
        (array_agg(validity order by t desc))[1] as validity, bit_or(flags) as flags,
        signal.codes_together(array_agg(codes) filter (where codes is not null)) as codes
    from signal.vital_minute
    where t >= $1 and t < $2
    group by 1, 2, 3, 4, 5
) as made
on conflict (patient_id, measure, t, device_id, method) do update set
    n = excluded.n, n_questionable = excluded.n_questionable, low = excluded.low,
    mean = excluded.mean, high = excluded.high, quality = excluded.quality,
    validity = excluded.validity, flags = excluded.flags, codes = excluded.codes;

-- name: take_dirty
-- Takes noted minutes whose writers have committed, whole hours of a patient together.
delete from signal.vital_dirty as d
using (
    select patient_id, t from signal.vital_dirty
    order by patient_id, t limit $1 for update skip locked) as taken
where d.patient_id = taken.patient_id and d.t = taken.t
returning d.patient_id, d.t;

-- name: make_minutes_of
-- Computes single minutes of patients again.
insert into signal.vital_minute as there (patient_id, measure, t, device_id, method, n,
    n_questionable, low, mean, high, quality, validity, flags, codes)
select patient_id, measure, t, device_id, method, n, n_questionable, low,
    case when signal.is_code(measure) then signal.most_of_codes(codes) else mean end, high,
    quality, validity, flags, codes
from (
    select v.patient_id, u.measure, m.t, v.device_id, u.method,
        count(*) filter (where c.counts) as n,
        count(*) filter (where c.counts and u.validity = 1) as n_questionable,
        min(u.value) filter (where c.counts) as low,
        sum(u.value::double precision order by v.t) filter (where c.counts)
            / nullif(count(*) filter (where c.counts), 0) as mean,
        max(u.value) filter (where c.counts) as high,
        sum(u.quality::double precision order by v.t) filter (where c.counts)
            / nullif(count(*) filter (where c.counts), 0) as quality,
        (array_agg(u.validity order by v.t desc))[1] as validity, bit_or(u.flags) as flags,
        signal.codes_of(array_agg(u.value) filter (where c.counts and signal.is_code(u.measure)))
            as codes
    from unnest($1::integer[], $2::bigint[]) as m (patient_id, t)
    join signal.vital v on v.patient_id = m.patient_id and v.t >= m.t and v.t < m.t + 60000000
    cross join lateral unnest(v.measure, v.method, v.value, v.quality, v.validity, v.flags)
        as u (measure, method, value, quality, validity, flags)
    cross join lateral (select u.value <> 'NaN' and u.validity <= 1 as counts) as c
    group by 1, 2, 3, 4, 5
) as made
on conflict (patient_id, measure, t, device_id, method) do update set
    n = excluded.n, n_questionable = excluded.n_questionable, low = excluded.low,
    mean = excluded.mean, high = excluded.high, quality = excluded.quality,
    validity = excluded.validity, flags = excluded.flags, codes = excluded.codes;

-- name: make_hours_of
-- Computes single hours of patients again, where all their minutes are computed.
insert into signal.vital_hour as there (patient_id, measure, t, device_id, method, n,
    n_questionable, low, mean, high, quality, validity, flags, codes)
select patient_id, measure, t, device_id, method, n, n_questionable, low,
    case when signal.is_code(measure) then signal.most_of_codes(codes) else mean end, high,
    quality, validity, flags, codes
from (
    select v.patient_id, v.measure, h.t, v.device_id, v.method,
        sum(v.n) as n, sum(v.n_questionable) as n_questionable, min(v.low) as low,
        sum(v.mean * v.n order by v.t) / nullif(sum(v.n), 0) as mean, max(v.high) as high,
        sum(v.quality::double precision * v.n order by v.t) / nullif(sum(v.n), 0) as quality,
        (array_agg(v.validity order by v.t desc))[1] as validity, bit_or(v.flags) as flags,
        signal.codes_together(array_agg(v.codes) filter (where v.codes is not null)) as codes
    from unnest($1::integer[], $2::bigint[]) as h (patient_id, t)
    join signal.vital_minute v
        on v.patient_id = h.patient_id and v.t >= h.t and v.t < h.t + 3600000000
    where h.t + 3600000000 <= (select done_to from signal.rollup_position)
    group by 1, 2, 3, 4, 5
) as made
on conflict (patient_id, measure, t, device_id, method) do update set
    n = excluded.n, n_questionable = excluded.n_questionable, low = excluded.low,
    mean = excluded.mean, high = excluded.high, quality = excluded.quality,
    validity = excluded.validity, flags = excluded.flags, codes = excluded.codes;

-- name: remove_old_events
-- Removes some events that have outlived their time.
delete from signal.event where (device_id, id) in (
    select device_id, id from signal.event where t < $1 limit 2000);

-- name: remove_old_conflicts
-- Removes some frames kept aside that have outlived their time.
delete from signal.conflict where ctid = any(array(
    select ctid from signal.conflict where found_at < to_timestamp($1 / 1000000.0) limit 2000));

-- name: remove_old_commands
-- Removes some commands that have outlived their time.
select signal.remove_old_commands($1);

-- name: remove_old_files
-- Removes some files that have outlived their time, and what is left of their parts.
select signal.remove_old_files($1);

-- name: claim_erasing
-- Whether this transaction is the one that removes data of patients; until its end.
select pg_try_advisory_xact_lock(hashtext('signal.erasing'), 0);

-- name: keep_rollup_off
-- Waits for who computes minutes now, and keeps him off until the end of the transaction: minutes
-- of values that are being removed would be written behind them.
select pg_advisory_xact_lock(hashtext('signal.rollup'), 0);

-- name: ordered_erasures
-- Erasures that nobody has begun.
select r.id from registry.erasure_request r
where not exists (select from signal.erasure e where e.request_id = r.id) order by r.id;

-- name: fence_patient
-- Begins an erasure: nothing of the patient is let in any more.
select signal.fence_patient($1);

-- name: erasures_under_way
-- Erasures that are begun and not done, those first whose fence stands longest.
select e.request_id, e.patient_id, p.key, r.reason, r.requested_by,
    (extract(epoch from r.requested_at) * 1000000)::bigint as requested_us,
    (extract(epoch from e.fenced_at) * 1000000)::bigint as fenced_us, e.removed
from signal.erasure e
join registry.erasure_request r on r.id = e.request_id
join registry.patient p on p.id = e.patient_id
where e.state <> 'done' and e.fenced_at < now() - make_interval(secs => $1)
order by e.fenced_at;

-- name: erased_times_of
-- When the patient of an erasure wore which device.
select device_id, start_us, end_us from signal.erased_time where request_id = $1
order by device_id, start_us;

-- name: erased_times
-- All times of devices that were erased.
select device_id, start_us, end_us from signal.erased_time;

-- name: erased_patients
-- All patients that were erased or are being erased.
select distinct patient_id from signal.erasure;

-- name: blocks_in
-- Keys of the blocks of a device in a time.
select device_id, stream, place, t0 from signal.block
where device_id = $1 and t0 >= $2 and t0 < $3 order by 1, 2, 3, 4;

-- name: remove_blocks
-- Removes blocks of a device that lie in a time as a whole.
delete from signal.block where device_id = $1 and t0 >= $2 and t0 + 60000000 <= $3;

-- name: remove_block
-- Removes one block.
delete from signal.block where device_id = $1 and stream = $2 and place = $3 and t0 = $4;

-- name: note_received_of_hot
-- Remembers the identities of frames that are about to be removed: a repeat adds nothing.
insert into signal.received as there (device_id, boot, n)
select device_id, boot, range_agg(int8range(n, n, '[]'))
from signal.frame where device_id = $1 and t0 >= $2 and t0 < $3
group by 1, 2 order by 1, 2
on conflict (device_id, boot) do update set n = there.n + excluded.n;

-- name: erase_device_time
-- Removes rows of what a device sent in a time, a bounded number a table.
select signal.erase_device_time($1, $2, $3);

-- name: erase_device_texts
-- Removes commands of a device in a time; also texts of its configuration that are there now.
select signal.erase_device_texts($1, $2, $3, $4);

-- name: erase_files
-- Removes files of a device that were recorded in a time, or came in it.
select signal.erase_files($1, $2, $3);

-- name: erase_patient_rows
-- Removes vital signs, their summaries and the events of a patient before a time.
select signal.erase_patient_rows($1, $2);

-- name: erase_patient_records
-- Removes every row that names the patient of an erasure, and empties the patient's own.
select signal.erase_patient_records($1);

-- name: first_rows_of_patient
-- The oldest value and minute that there are of a patient.
select least(
    (select min(t) from signal.vital where patient_id = $1),
    (select min(t) from signal.event where patient_id = $1),
    (select min(h.t) from signal.vital_hour h where h.patient_id = $1)) as first_us;

-- name: save_erasure
-- Remembers how far an erasure is.
update signal.erasure set state = 'erasing', removed = $2 where request_id = $1;

-- name: finish_erasure
-- Certifies an erasure.
update signal.erasure set state = 'done', removed = $2, certificate = $3,
    certificate_sha256 = $4, done_at = to_timestamp($5 / 1000000.0)
where request_id = $1 and state <> 'done';

-- name: audit_erasure
-- Leaves the erasure in the audit trail.
select audit.append('storage', 'erase', 'patient', 'done', patient_id => $1, reason => $2,
    detail => $3);

-- name: own_retentions
-- Patients whose data goes earlier, with when they wore which device, before the time that is kept.
select p.patient_id, a.device_id,
    (extract(epoch from a.starts) * 1000000)::bigint as start_us,
    least((extract(epoch from a.ends) * 1000000)::bigint,
        $1 - p.keep_days * 86400000000) as end_us,
    $1 - p.keep_days * 86400000000 as until_us
from registry.patient_retention p
left join registry.assignment a on a.patient_id = p.patient_id
    and a.starts < to_timestamp(($1 - p.keep_days * 86400000000) / 1000000.0)
order by p.patient_id, a.device_id;
