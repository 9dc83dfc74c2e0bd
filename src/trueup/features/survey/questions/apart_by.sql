-- What tells the wheels apart that say different things?
--
-- Differing releases (mergeable or irreconcilable) by the axis that alone explains which wheel says
-- what: platform, machine, libc, python, build tag; `several` of them together; `option` where wheels
-- of the same tags differ, so that their names do not tell. A release can count for two axes.
SELECT axis, count(*) AS releases,
    count(*) FILTER (class = 'irreconcilable') AS irreconcilable,
    count(DISTINCT project) AS projects
FROM (SELECT *, unnest(apart_by) AS axis FROM releases)
WHERE class IN ('mergeable', 'irreconcilable')
GROUP BY axis ORDER BY releases DESC, axis;
