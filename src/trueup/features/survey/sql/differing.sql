-- All rows of the releases that differ as written, release by release, for the model.
SELECT given.* EXCLUDE (part)
FROM given JOIN seen USING (project, version)
WHERE seen.differs AND seen.audited > 1
ORDER BY project, version, filename;
