"""How often, and why, do the files of a release disagree: an audit of a whole index."""
