-- A row per project.
CREATE TABLE projects AS
SELECT
    project,
    count(*) AS releases,
    sum(files)::BIGINT AS files,
    count(*) FILTER (wheels + sdists > 1) AS multiple,
    count(*) FILTER (class IN ('identical', 'uniform', 'mergeable', 'irreconcilable')) AS audited,
    count(*) FILTER (class = 'uniform') AS uniform,
    count(*) FILTER (class = 'mergeable') AS mergeable,
    count(*) FILTER (class = 'irreconcilable') AS irreconcilable,
    count(*) FILTER (sdist = 'differs') AS sdist_differs,
    min(uploaded) AS first_upload,
    max(uploaded) AS last_upload,
FROM releases
GROUP BY project
ORDER BY project;
