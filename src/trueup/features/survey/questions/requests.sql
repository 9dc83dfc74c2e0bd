-- What would it cost a resolver to read every file?
--
-- Requests for metadata in all releases with wheels: one per wheel, one per distinct metadata file
-- where the index gives its digest, and one per release, which is what tools do that read one file.
SELECT count(*) AS releases, sum(wheels)::BIGINT AS every_wheel,
    sum(CASE WHEN texts > 0 THEN texts ELSE wheels END)::BIGINT AS every_text,
    count(*) FILTER (texts > 0) AS with_digests
FROM releases WHERE wheels > 0;
