"""A live index, read politely and at length: pages, sidecars, archives, and a journal of what is done.

The asynchronous counterpart of `http.py` and `index.py`, on the same parsers of pages and archives.
"""
