"""The index on the web: the Simple API, uploads, and pages for people."""
