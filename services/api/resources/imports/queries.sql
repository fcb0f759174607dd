-- Files that people bring, on devices that access has let through. Rows and parts are written by
-- functions: the tables are the gateway's, which reads what is whole.

-- name: begin_import
-- Makes the row of a file: begun, there (it is whole already), or other (the id is another's).
select registry.begin_import($1::uuid, $2, $3, $4, $5, $6, $7::jsonb, $8);

-- name: put_part
-- Keeps a part of a file that is brought.
select registry.put_import_part($1::uuid, $2, $3, $4);

-- name: finish_import
-- Says that a file is whole; gives its id, or that of the same one that was brought before.
select registry.finish_import($1::uuid, $2)::text;

-- name: drop_import
-- Leaves nothing of a file that did not come whole.
select registry.drop_import($1::uuid);

-- name: found_import
-- A file by its id, with the device on which access decides.
select f.id::text, d.device, f.device_id, f.name, f.format, f.total, f.state, f.reason, f.detail,
    f.line, f.byte_offset, f.n_pieces, f.n_stored, f.n_frames, f.starts_us, f.ends_us, f.sent_by,
    f.made_at, f.finished_at
from gateway.file f
join registry.device d on d.id = f.device_id
where f.id = $1::uuid;

-- name: imports
-- Files of a device, the newest first, behind a place in that order.
select f.id::text, d.device, f.device_id, f.name, f.format, f.total, f.state, f.reason, f.detail,
    f.line, f.byte_offset, f.n_pieces, f.n_stored, f.n_frames, f.starts_us, f.ends_us, f.sent_by,
    f.made_at, f.finished_at
from gateway.file f
join registry.device d on d.id = f.device_id
where f.device_id = $1
    and ($2::timestamptz is null or (f.made_at, f.id) < ($2, $3::uuid))
order by f.made_at desc, f.id desc
limit $4;
