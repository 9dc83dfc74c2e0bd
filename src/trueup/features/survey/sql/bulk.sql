-- A row of the public distribution-metadata table as a row of the table of files. Its columns are
-- documented by the index; those that an export lacks are given as NULL before (see `load.py`).
SELECT
    CASE WHEN plain LIKE '%--%' THEN regexp_replace(plain, '-+', '-', 'g') ELSE plain END AS project,
    version,
    filename,
    CASE
        WHEN filename LIKE '%.whl'
            AND length(filename) - length(replace(filename, '-', '')) BETWEEN 4 AND 6 THEN 'wheel'
        WHEN filename LIKE '%.whl' OR packagetype LIKE 'bdist%' THEN 'other'
        WHEN regexp_matches(filename, '\.(tar\.(gz|bz2|xz|Z)|tgz|zip|tar)$') THEN 'sdist'
        ELSE 'other' END AS kind,
    -- Rows that were filled from the release have no version of their metadata: no file said it.
    CASE WHEN metadata_version IS NULL OR metadata_version = '' THEN 'release' ELSE 'form' END
        AS source,
    nullif(metadata_version, '') AS metadata_version,
    nullif(requires_python, '') AS requires_python,
    coalesce(requires_dist, []) AS requires_dist,
    CAST(upload_time AS TIMESTAMP) AS uploaded,
    CAST(size AS BIGINT) AS size,
    sha256_digest AS sha256,
FROM (SELECT *, replace(replace(lower(name), '_', '-'), '.', '-') AS plain FROM exported)
WHERE name IS NOT NULL AND version IS NOT NULL AND filename IS NOT NULL
