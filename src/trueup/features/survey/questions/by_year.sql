-- Is it getting better?
--
-- Audited releases by the year of their first upload, and the share of each class.
WITH dated AS (
    SELECT class, year(uploaded) AS year FROM releases
    WHERE uploaded IS NOT NULL AND class NOT IN ('single', 'not auditable')
)
SELECT year, class, count(*) AS releases,
    count(*) / sum(count(*)) OVER (PARTITION BY year) AS share
FROM dated
GROUP BY year, class ORDER BY year, class;
