-- The time that a lane of alarms lives in, so that a restart looks for deadlines at the same values.

alter table alarm.lane add column now_us bigint not null default 0;
comment on column alarm.lane.now_us is
    'Up to when deadlines have taken effect: the arrival time of a value, or the clock when idle';
