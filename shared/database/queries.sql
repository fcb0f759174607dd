-- name: take_migration_lock
-- Waits until no other process migrates, as long as the lock timeout; it ends with the session.
select pg_advisory_lock(hashtextextended('vitalwire.migrate', 0));

-- name: release_migration_lock
-- Lets the next process migrate.
select pg_advisory_unlock(hashtextextended('vitalwire.migrate', 0));

-- name: limit_migration
-- Bounds the waits and statements of one migration, until its transaction ends.
select set_config('lock_timeout', '5s', true), set_config('statement_timeout', '10min', true);

-- name: make_migration_table
-- Where the applied migrations are remembered.
create table if not exists migration.applied (
    number integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
);

-- name: make_migration_schema
-- A schema that belongs to nobody but the administrator.
create schema if not exists migration;

-- name: list_applied
-- The migrations that were applied, oldest first.
select number, name, checksum from migration.applied order by number;

-- name: remember_applied
-- Notes that a migration was applied, in the transaction that applied it.
insert into migration.applied (number, name, checksum) values ($1, $2, $3);
