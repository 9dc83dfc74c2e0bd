-- Several imports know of the bucket's files. Of a file that stands in more than one of them, the row
-- counts that was read from the file itself, and of two such rows that of the newer import.
CREATE TABLE given AS
SELECT * FROM all_given
QUALIFY row_number() OVER (
    PARTITION BY project, filename
    ORDER BY array_position(['archive', 'sidecar', 'form', 'release', 'unread'], source), part DESC
) = 1;
