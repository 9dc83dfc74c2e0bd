-- All rows of the releases that differ as written, release by release: what the model looks at.
CREATE TABLE differing AS
SELECT given.* EXCLUDE (part, kind, uploaded, size, sha256, metadata_sha256, generator)
FROM given JOIN seen USING (project, version)
WHERE seen.differs AND seen.compared > 1
ORDER BY project, version, filename;
