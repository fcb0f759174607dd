-- Many entries of the audit trail in one call: the head of the chain is locked, read and written
-- once instead of once an entry.

create function audit.append_many(
    actors text[],
    actions text[],
    resources text[],
    outcomes text[],
    patient_ids integer[],
    device_ids integer[],
    reasons text[],
    origins text[],
    request_ids text[],
    details jsonb[]
) returns bigint
language plpgsql
security definer
set search_path = pg_catalog
as $$
declare
    head audit.chain;
    fresh audit.entry;
    entries audit.entry[] := '{}';
begin
    insert into audit.chain values (session_user, 0, sha256(convert_to(session_user, 'UTF8')))
        on conflict do nothing;
    -- the lock lasts until the caller commits: links of one chain are written one after the other
    select * into strict head from audit.chain c where c.chain = session_user for update;
    for i in 1 .. cardinality(actors) loop
        fresh := row(
            session_user::text, head.last_n + 1,
            (extract(epoch from clock_timestamp()) * 1e6)::bigint,
            actors[i], actions[i], patient_ids[i], device_ids[i], resources[i], outcomes[i],
            reasons[i], origins[i], request_ids[i], coalesce(details[i], '{}'), head.last_hash,
            ''::bytea);
        fresh.hash := audit.link(fresh);
        head.last_n := fresh.n;
        head.last_hash := fresh.hash;
        entries[i] := fresh;
    end loop;
    insert into audit.entry select e.* from unnest(entries) as e;
    update audit.chain c set last_n = head.last_n, last_hash = head.last_hash
        where c.chain = head.chain;
    return head.last_n;
end
$$;
comment on function audit.append_many is
    'Appends entries in their order, as audit.append does one; gives the number of the last';

revoke execute on function audit.append_many from public;
grant execute on function audit.append_many to vw_api;
