-- One row per release, without parsing anything: does what its rows say differ as written?
CREATE TABLE seen AS
SELECT
    project, version,
    count(*) AS files,
    count(*) FILTER (kind = 'wheel') AS wheels,
    count(*) FILTER (kind = 'sdist') AS sdists,
    count(*) FILTER (own AND kind <> 'other') AS audited,
    count(*) FILTER (own AND kind = 'wheel') AS audited_wheels,
    count(*) FILTER (own AND speaks AND kind = 'sdist') AS audited_sdists,
    count(*) FILTER (own AND kind = 'sdist') AS read_sdists,
    count(*) FILTER (own AND speaks) AS compared,
    -- A file that nobody had to read has no problem.
    count(*) FILTER (source = 'unread' AND kind = 'wheel' AND problem IS NOT NULL) AS unread,
    min(said) FILTER (own AND speaks) IS DISTINCT FROM max(said) FILTER (own AND speaks)
        OR coalesce(bool_or(page_differs), false) AS differs,
    -- bit_or: release 1, form 2, sidecar 4, archive 8, unread 16
    bit_or(mark) AS marks,
    bool_and(dynamic_known) AS dynamic_known,
    coalesce(bool_or(kind = 'sdist' AND list_contains(dynamic, 'Requires-Dist')), false) AS dynamic,
    sum(size)::BIGINT AS bytes,
    min(uploaded) AS uploaded,
    max(generator) AS generator,
FROM (
    SELECT
        *,
        source IN ('archive', 'sidecar', 'form') AND requires_dist IS NOT NULL AS own,
        -- An sdist's metadata before 2.2 often lacks what its wheels say (PEP 643): it is silent.
        kind = 'wheel' OR (kind = 'sdist' AND (
            coalesce(try_cast(split_part(metadata_version, '.', 1) AS INTEGER), 0),
            coalesce(try_cast(split_part(metadata_version, '.', 2) AS INTEGER), 0)
        ) >= (2, 2)) AS speaks,
        hash(requires_dist, coalesce(requires_python, ''), provides_extra) AS said,
        kind = 'wheel' AND requires_dist IS NOT NULL
            AND index_requires_python <> coalesce(requires_python, '') AS page_differs,
        kind <> 'sdist' OR dynamic IS NOT NULL AS dynamic_known,
        CASE source WHEN 'release' THEN 1 WHEN 'form' THEN 2 WHEN 'sidecar' THEN 4
            WHEN 'archive' THEN 8 ELSE 16 END AS mark,
    FROM given
)
GROUP BY project, version;

-- Apart, because most tables know no digest of the metadata, and counting distinct ones is dear.
CREATE TABLE texts AS
-- A wheel that has the digest of another one says the same, whether it was read or not.
SELECT
    project, version,
    count(DISTINCT metadata_sha256) AS texts,
    count(*) FILTER (kind = 'wheel') AS known_wheels,
    count(DISTINCT metadata_sha256) FILTER (kind = 'wheel') AS wheel_texts,
FROM given WHERE metadata_sha256 IS NOT NULL
GROUP BY project, version;
