-- Tells the gateway of changes of the registry at once: a revoked device is cut off within a
-- second, a new one may send. One notification a statement, however many rows it touches.

create function registry.notify_change() returns trigger
language plpgsql
set search_path = pg_catalog
as $$
begin
    perform pg_notify('registry_changed', tg_table_name);
    return null;
end
$$;
comment on function registry.notify_change is
    'Notifies registry_changed; the gateway then reads devices and credentials again';

create trigger device_changed after insert or update or delete on registry.device
    for each statement execute function registry.notify_change();
create trigger device_credential_changed
    after insert or update or delete on registry.device_credential
    for each statement execute function registry.notify_change();

grant execute on function registry.notify_change to vw_api;
