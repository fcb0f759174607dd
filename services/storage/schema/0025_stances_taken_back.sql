-- What was told of how sensors sit can be taken back.

alter table registry.stance
    add column until_us bigint,
    add column taken_back_by text,
    add constraint stance_taken_back check ((until_us is null) = (taken_back_by is null));
comment on column registry.stance.until_us is
    'It was taken back and holds no longer from then on (us UTC, a whole second); before it holds '
    'as it did';

grant update (until_us, taken_back_by) on registry.stance to vw_api;
