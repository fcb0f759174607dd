-- Signal processing: what its live positions must tell, and the late data it has to work in.
-- Written by dsp. Times of data are microseconds since 1970 UTC.

alter table dsp.position add column given_offset bigint not null default -1;
comment on table dsp.position is
    'Where a replay begins to rebuild the windows (replay_offset), and up to which message of the '
    'stream all output was given out (given_offset, of that arrival: watermark_us). '
    'Retention: newest incarnations';

create table dsp.late_interval (
    device_id integer not null,
    stream smallint not null,
    start_us bigint not null,
    end_us bigint not null,
    lane smallint not null,
    incarnation integer not null,
    after_stream text not null,
    after_offset bigint not null,
    noted_at timestamptz not null default now(),
    primary key (device_id, stream, start_us, end_us),
    check (end_us > start_us)
);
create index late_interval_lane on dsp.late_interval (lane, noted_at);
comment on table dsp.late_interval is
    'Samples came for this time after it was computed: to be computed again when storage has '
    'committed the message (after_stream, after_offset). Retention: until done';

create table dsp.correction (
    device_id integer not null,
    stream smallint not null,
    start_us bigint not null,
    end_us bigint not null,
    revision smallint not null check (revision >= 1),
    done_at timestamptz not null default now(),
    primary key (device_id, stream, start_us, end_us)
);
comment on table dsp.correction is
    'Time whose values were given out again, and in which revision; the next one that touches it '
    'is higher. Retention: with the vital signs';

grant select, insert, update, delete on dsp.late_interval, dsp.correction to vw_dsp;
grant select on dsp.late_interval, dsp.correction to vw_api;
grant select on signal.stream_position to vw_dsp;
