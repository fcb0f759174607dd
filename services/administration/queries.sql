-- name: read_deployment
-- The number of lanes and the incarnation of the streams.
select lanes, incarnation from registry.deployment;

-- name: choose_lanes
-- Sets the number of lanes of a deployment that has no streams yet.
update registry.deployment set lanes = $1, changed_at = now() where incarnation = 0;

-- name: begin_incarnation
-- Counts that the streams were made anew: saved offsets of the old ones say nothing about them.
update registry.deployment set incarnation = incarnation + 1, changed_at = now()
returning incarnation;
