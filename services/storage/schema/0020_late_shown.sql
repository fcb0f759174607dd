-- What waits of late data remembers up to where it was worked into what was told, and when it is
-- due again: so a look at it finds only what there is to do, however much waits.
alter table dsp.late_interval
    add column shown_us bigint,
    add column due_us bigint not null default 0;

drop index dsp.late_interval_lane;
create index late_interval_lane on dsp.late_interval (lane, due_us, noted_at);

comment on column dsp.late_interval.shown_us is
    'Values before this time (us UTC) are computed with the late samples; null: none yet';
comment on column dsp.late_interval.due_us is
    'Looked at again when all samples of before this time (us UTC) are stored; 0: at once';
