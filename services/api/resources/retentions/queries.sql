-- How long the data of single patients is kept, by administrators, who see no clinical data.

-- name: find_patient_to_keep
-- The patient of a key, unless erased.
select id from registry.patient where key = $1 and erased_at is null;

-- name: patient_retention
-- How long the data of a patient is kept; no row where the settings of storage hold.
select keep_days, changed_by, changed_at from registry.patient_retention where patient_id = $1;

-- name: set_patient_retention
-- Keeps the data of a patient for so long.
insert into registry.patient_retention (patient_id, keep_days, changed_by) values ($1, $2, $3)
on conflict (patient_id) do update
    set keep_days = excluded.keep_days, changed_by = excluded.changed_by, changed_at = now()
returning keep_days, changed_by, changed_at;

-- name: remove_patient_retention
-- Lets the settings of storage hold again.
delete from registry.patient_retention where patient_id = $1;
