-- Does it depend on the build backend?
--
-- Audited releases by the name that `Generator` in a wheel's WHEEL file gives, where that was read.
WITH named AS (
    SELECT class, regexp_extract(generator, '^[A-Za-z0-9_.-]+') AS backend FROM releases
    WHERE generator IS NOT NULL AND class NOT IN ('single', 'not auditable')
)
SELECT backend, class, count(*) AS releases,
    count(*) / sum(count(*)) OVER (PARTITION BY backend) AS share
FROM named
GROUP BY backend, class ORDER BY backend, class;
