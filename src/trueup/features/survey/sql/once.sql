-- The rows of one bucket of one import, a file once: streams are written at least once.
SELECT * EXCLUDE (part)
FROM gathered
QUALIFY row_number() OVER (PARTITION BY project, filename ORDER BY source, uploaded, version) = 1
ORDER BY project, version, filename
