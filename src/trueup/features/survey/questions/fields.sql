-- Which fields differ?
--
-- Differing releases by the core metadata field in which their wheels differ.
SELECT field, count(*) AS releases, count(DISTINCT project) AS projects
FROM (SELECT *, unnest(differs) AS field FROM releases)
WHERE class IN ('mergeable', 'irreconcilable')
GROUP BY field ORDER BY releases DESC, field;
