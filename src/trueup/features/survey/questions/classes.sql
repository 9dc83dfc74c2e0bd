-- Do the files of a release agree?
--
-- Releases by class. `single` has one file only; `not auditable` are releases of which fewer than two
-- files said anything for themselves. `share` is of the audited ones: all but these two.
WITH counted AS (
    SELECT class, count(*) AS releases, count(*) FILTER (at_least) AS at_least,
        sum(files)::BIGINT AS files, sum(bytes)::BIGINT AS bytes
    FROM releases GROUP BY class
)
SELECT class, releases, at_least, files, bytes,
    CASE WHEN class NOT IN ('single', 'not auditable') THEN releases / sum(releases)
        FILTER (class NOT IN ('single', 'not auditable')) OVER () END AS share
FROM counted
ORDER BY array_position(
    ['identical', 'uniform', 'mergeable', 'irreconcilable', 'unknown', 'not auditable', 'single'],
    class);
