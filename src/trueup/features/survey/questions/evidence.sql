-- Where do the answers come from?
--
-- Releases by the sources of their rows: archive (read from the file), sidecar (the index's metadata
-- file), form (the upload form), release (copied from the release: shows nothing), unread.
SELECT evidence, count(*) AS releases,
    count(*) FILTER (class NOT IN ('single', 'not auditable')) AS audited,
    count(*) FILTER (class IN ('mergeable', 'irreconcilable')) AS differing
FROM releases GROUP BY evidence ORDER BY releases DESC, evidence;
