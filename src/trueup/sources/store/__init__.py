"""What an index of ours keeps: a database of releases and pages, and blobs by their sha256."""
