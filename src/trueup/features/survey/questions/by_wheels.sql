-- Does it depend on the number of wheels?
--
-- Audited releases by how many wheels they have, and the share of each class.
WITH sized AS (
    SELECT class,
        CASE WHEN wheels = 1 THEN 1 WHEN wheels < 4 THEN 2 WHEN wheels < 10 THEN 4
            WHEN wheels < 30 THEN 10 ELSE 30 END AS least
    FROM releases
    WHERE class NOT IN ('single', 'not auditable') AND wheels > 0
)
SELECT least,
    CASE least WHEN 1 THEN '1' WHEN 2 THEN '2 to 3' WHEN 4 THEN '4 to 9' WHEN 10 THEN '10 to 29'
        ELSE '30 and more' END AS wheels,
    class, count(*) AS releases,
    count(*) / sum(count(*)) OVER (PARTITION BY least) AS share
FROM sized
GROUP BY least, class ORDER BY least, class;
