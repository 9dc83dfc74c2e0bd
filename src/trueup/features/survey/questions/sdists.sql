-- Do sdists keep what they promise?
--
-- Releases with an sdist by what it promises for `Requires-Dist` (PEP 643) and what became of that
-- among the published wheels. `legacy` sdists (metadata before 2.2) promise nothing; `unknown` are
-- those whose `Dynamic` is not known.
SELECT promise, sdist, count(*) AS releases
FROM releases WHERE sdists > 0 AND wheels > 0
GROUP BY ALL ORDER BY promise, sdist;
