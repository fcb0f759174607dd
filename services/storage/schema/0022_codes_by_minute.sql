-- Measures whose values are codes have no mean: their minutes and hours count each code, and `mean`
-- is the code that was most of the time. Null where a minute was computed before this.

alter table signal.vital_minute add column codes jsonb;
alter table signal.vital_hour add column codes jsonb;
comment on column signal.vital_minute.codes is
    'Of a measure whose values are codes: how many of the n values were each, as {"4": 12}';
comment on column signal.vital_hour.codes is 'As in signal.vital_minute';

create function signal.is_code(measure smallint) returns boolean
language sql immutable strict parallel safe
return measure in (12, 31, 32, 33);
comment on function signal.is_code is
    'Whether the values of a measure are codes: posture, room, doing, effort; as '
    'shared/contracts/measures.py says, which a test compares';

create function signal.codes_of(given real[]) returns jsonb
language sql immutable strict parallel safe
return (select jsonb_object_agg(code, n) from (
    select value::integer as code, count(*) as n from unnest(given) as value group by 1) as counted);
comment on function signal.codes_of is 'How often each code is among these';

create function signal.codes_together(given jsonb[]) returns jsonb
language sql immutable strict parallel safe
return (select jsonb_object_agg(code, n) from (
    select key as code, sum(value::bigint) as n
    from unnest(given) as one, jsonb_each_text(one) group by 1) as counted);
comment on function signal.codes_together is 'The sum of such counts';

create function signal.most_of_codes(given jsonb) returns double precision
language sql immutable strict parallel safe
return (select key::double precision from jsonb_each_text(given)
    order by value::bigint desc, key::bigint limit 1);
comment on function signal.most_of_codes is
    'The code that is most often counted, the lower of two that are as often';

grant execute on function signal.is_code, signal.codes_of, signal.codes_together,
    signal.most_of_codes to vw_storage, vw_api;
