-- How sensors sit on those who wear them: told by standing upright and still.

create table registry.stance (
    id integer generated always as identity primary key,
    device_id integer not null references registry.device,
    patient_id integer not null references registry.patient,
    assignment_id bigint not null references registry.assignment on delete cascade,
    at_us bigint not null,
    told_by text not null
);
create index stance_of_device on registry.stance (device_id, id);
create index stance_of_assignment on registry.stance (assignment_id);
comment on table registry.stance is
    'Somebody said that the wearer of a device stood upright and still for the seconds before at_us '
    '(us UTC). Retention: as long as the assignment';

create table dsp.stance (
    stance_id integer primary key references registry.stance on delete cascade,
    from_us bigint not null,
    chest double precision[] check (cardinality(chest) = 3),
    thigh double precision[] check (cardinality(thigh) = 3),
    refusal text check (refusal in ('no_samples', 'moved', 'upside_down')),
    check ((chest is null) = (refusal is not null) and (thigh is null) = (refusal is not null))
);
comment on table dsp.stance is
    'What the samples of a told stance said: where up was in the axes of chest and thigh, from '
    'from_us (us UTC) on and until the next one or the end of the assignment; or why they said '
    'nothing. Written by dsp. Retention: with the told stance';

grant select, insert on registry.stance to vw_api;
grant select on registry.stance to vw_dsp;
grant select, insert on dsp.stance to vw_dsp;
grant select on dsp.stance to vw_api;
