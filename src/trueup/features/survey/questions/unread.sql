-- What could not be read or judged, and why?
--
-- Releases that are not auditable, or only in part, by reason.
SELECT coalesce(reason, 'rows from: ' || evidence) AS reason, count(*) AS releases,
    min(project || ' ' || version) AS example
FROM releases
WHERE class IN ('not auditable', 'unknown') OR at_least
GROUP BY ALL ORDER BY releases DESC, reason LIMIT 30;
