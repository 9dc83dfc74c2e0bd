"""Pages of an embedded database, read on the thread that asks.

A page is found in some 10 µs, which is less than to hand the question to another thread and wait for
the answer. That holds for a file on this machine, and for no database behind a network.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Engine

from trueup.sources.store.releases import State
from trueup.sources.store.shown import Page, headers_said

__all__ = ["Glance"]

_YOUNG = """
SELECT page.body, page.packed, page.etag, page.made, page.stale,
       page.until, page.said,
       (SELECT number FROM generation) AS generation
  FROM page
 WHERE page.view = ? AND page.project = ? AND page.form = ?
   AND (page.until IS NULL OR page.until >= ?)
   AND (page.made >= ?
        OR EXISTS (SELECT 1 FROM release
                    WHERE release.project = page.project AND release.state = ?
                      AND release.channel IN ({channels})))
"""


@lru_cache
def _young(channels: int) -> str:
    return _YOUNG.format(channels=", ".join("?" * channels))


class Glance:
    """Looks for pages without waiting; only for one thread at a time, as an event loop is one.

    Finds nothing in a database that is not a file, and in one that cannot be read at once: whoever
    waits then learns why.
    """

    def __init__(self, engine: Engine) -> None:
        self._path = engine.url.database if engine.dialect.name == "sqlite" else None
        self._connection: sqlite3.Connection | None = None

    def page(
        self,
        view: str,
        project: str,
        form: str,
        *,
        since: float,
        channels: Iterable[str],
        now: float = 0.0,
    ) -> tuple[Page, int] | None:
        """A rendered page and the generation that it belongs to, both of one state.

        It was made at ``since`` or later, unless one of the channels has the project: what is
        hosted here is true until it is changed. A page of which more will be known is not found
        after that moment, if ``now`` is later.
        """
        if self._path is None:
            return None
        owners = tuple(channels)
        try:
            if self._connection is None:
                self._connection = _open(self._path)
            # All rows are taken, of which there is one at most: that ends the transaction.
            rows = self._connection.execute(
                _young(len(owners)),
                (view, project, form, now, since, State.PUBLISHED.value, *owners),
            ).fetchall()
        except sqlite3.Error:
            return None
        if not rows:
            return None
        body, packed, etag, made, stale, until, said, generation = rows[0]
        page = Page(
            body=body, packed=packed, etag=etag, made=made, stale=bool(stale), until=until,
            said=headers_said(said),
        )  # fmt: skip
        return page, generation

    def close(self) -> None:
        """Give up the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _open(path: str) -> sqlite3.Connection:
    # Any thread may close it. A lock that somebody has is not waited for.
    address = f"{Path(path).absolute().as_uri()}?mode=ro"
    return sqlite3.connect(
        address, uri=True, timeout=0, isolation_level=None, check_same_thread=False
    )
