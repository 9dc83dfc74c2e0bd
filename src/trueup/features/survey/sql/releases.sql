-- A row per release. What does not differ as written needs no model: its wheels are identical.
CREATE TABLE releases AS
SELECT
    seen.project, seen.version,
    coalesce(verdicts.class, CASE
        WHEN seen.wheels + seen.sdists < 2 THEN 'single'
        WHEN one_text THEN 'identical'
        WHEN seen.audited_wheels > 1 THEN 'identical'
        WHEN seen.audited_wheels = 1 AND seen.wheels = 1 THEN 'identical'
        ELSE 'not auditable' END) AS class,
    coalesce(verdicts.at_least, NOT one_text AND seen.audited_wheels < seen.wheels) AS at_least,
    verdicts.only_in,
    coalesce(verdicts.promise, CASE
        WHEN seen.sdists = 0 THEN 'no sdist'
        WHEN seen.read_sdists < seen.sdists THEN 'unknown'
        WHEN seen.audited_sdists < seen.sdists THEN 'legacy'
        WHEN NOT seen.dynamic_known THEN 'unknown'
        WHEN seen.dynamic THEN 'dynamic'
        ELSE 'static' END) AS promise,
    coalesce(verdicts.advice, 'unknown') AS advice,
    coalesce(verdicts.sdist, CASE
        WHEN seen.sdists = 0 THEN 'none'
        WHEN seen.audited_sdists < seen.sdists OR seen.audited_wheels = 0 THEN 'unknown'
        ELSE 'agrees' END) AS sdist,
    coalesce(verdicts.differs, []) AS differs,
    coalesce(verdicts.apart_by, []) AS apart_by,
    verdicts.reason,
    CASE
        WHEN seen.compared > 1 AND seen.differs THEN 'differs'
        WHEN seen.compared > 1 OR (one_text AND seen.wheels > 1) THEN 'same'
        ELSE 'none' END AS as_written,
    concat_ws('+',
        CASE WHEN seen.marks & 8 > 0 THEN 'archive' END,
        CASE WHEN seen.marks & 4 > 0 THEN 'sidecar' END,
        CASE WHEN seen.marks & 2 > 0 THEN 'form' END,
        CASE WHEN seen.marks & 1 > 0 THEN 'release' END,
        CASE WHEN seen.marks & 16 > 0 THEN 'unread' END) AS evidence,
    seen.files, seen.wheels, seen.sdists, seen.audited, seen.unread, coalesce(seen.texts, 0) AS texts, seen.bytes,
    seen.uploaded, seen.generator,
FROM (
    SELECT
        seen.*, texts.texts,
        coalesce(texts.wheel_texts = 1 AND texts.known_wheels = seen.wheels, false) AS one_text,
    FROM seen LEFT JOIN texts USING (project, version)
) AS seen
LEFT JOIN verdicts USING (project, version)
ORDER BY project, version;
