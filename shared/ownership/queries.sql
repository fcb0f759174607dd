-- name: become_member
-- Shows this session as a member, as long as it lives; the process id of its back end names it.
select pg_backend_pid() from (select pg_advisory_lock_shared($1, 0)) as held;

-- name: who_holds_what
-- Members (lane null) and holders of lanes of one service in this database, by back end.
select case when locks.classid::bigint = $1 then null else locks.objid::integer end as lane,
       locks.pid as member
from pg_locks as locks
where locks.locktype = 'advisory'
  and locks.granted
  and locks.objsubid = 2
  and locks.database = (select oid from pg_database where datname = current_database())
  and locks.classid::bigint in ($1, $2);

-- name: try_lane
-- Takes a lane unless somebody holds it.
select pg_try_advisory_lock($1, $2);

-- name: leave_lane
-- Gives a lane up.
select pg_advisory_unlock($1, $2);

-- name: started_just_now
-- Whether PostgreSQL has just started, so that former holders may not be back yet.
select clock_timestamp() - pg_postmaster_start_time() < make_interval(secs => $1);

-- name: deployment
-- How many lanes there are, and which incarnation of the streams.
select lanes, incarnation from registry.deployment;

-- name: deployment_now
-- The deployment, a change of it that is under way, and which lanes a service has left for it.
select d.lanes, d.incarnation, c.id, c.phase, c.to_lanes, c.to_incarnation,
    array(
        select l.lane from registry.lane_left l where l.change_id = c.id and l.service = $1
    ) as left_lanes
from registry.deployment d
left join registry.lane_change c on c.ended_at is null and c.phase <> 'switched'
    and c.hold_until > clock_timestamp() and c.from_incarnation = d.incarnation;

-- name: rest_lane
-- Says that this service works no more on a lane; false where the change is over.
select registry.leave_lane($1, $2);
