"""Releases whose files disagree, and an oracle that says whether a lock is right about them."""
