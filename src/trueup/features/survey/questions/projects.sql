-- Which projects have it most?
--
-- Projects with differing releases; `downloads` where a table of them was given.
SELECT projects.project, mergeable + irreconcilable AS differing, irreconcilable, audited,
    downloads.downloads, year(last_upload) AS last_year
FROM projects LEFT JOIN downloads USING (project)
WHERE mergeable + irreconcilable > 0
ORDER BY downloads.downloads DESC NULLS LAST, differing DESC, projects.project
LIMIT 50;
