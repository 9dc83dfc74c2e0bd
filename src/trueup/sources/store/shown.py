"""What readers are given: rendered pages, what is upstream, and derived wheels."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, select

from trueup.sources.store.database import Database
from trueup.sources.store.tables import DERIVED, GENERATION, PAGES, REMOTE, REMOTE_FILES

__all__ = ["Page", "Shown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A rendered page: the body, the same as gzip, and its ETag (quoted)."""

    body: bytes
    packed: bytes
    etag: str
    made: float
    stale: bool


class Shown(Database):
    """Pages and files as they are served."""

    def forget_pages(self, project: str) -> None:
        """Have the pages of a project made again."""
        with self.change() as connection:
            self.seen(connection, project)

    def page(self, view: str, project: str, form: str) -> Page | None:
        """A rendered page."""
        with self.engine.connect() as connection:
            row = connection.execute(
                select(PAGES).where(
                    PAGES.c.view == view, PAGES.c.project == project, PAGES.c.form == form
                )
            ).first()
        if row is None:
            return None
        return Page(body=row.body, packed=row.packed, etag=row.etag, made=row.made, stale=row.stale)

    def keep_page(
        self, view: str, project: str, form: str, body: bytes, *, generation: int, stale: bool
    ) -> Page:
        """Keep a rendered page, unless something changed since ``generation`` was asked for."""
        packed = gzip.compress(body, 6, mtime=0)
        etag = f'"{hashlib.sha256(body).hexdigest()[:40]}"'
        page = Page(body=body, packed=packed, etag=etag, made=self.clock(), stale=stale)
        with self.change() as connection:
            found = connection.execute(select(GENERATION.c.number)).first()
            if (0 if found is None else found.number) == generation:
                where = (PAGES.c.view == view, PAGES.c.project == project, PAGES.c.form == form)
                connection.execute(delete(PAGES).where(*where))
                connection.execute(
                    insert(PAGES).values(
                        view=view, project=project, form=form, body=body, packed=packed,
                        etag=etag, made=page.made, stale=stale,
                    )
                )  # fmt: skip
        return page

    def keep_remote(
        self, project: str, listing: bytes, files: Sequence[tuple[str, str, str, int | None]]
    ) -> None:
        """Keep the last good listing of an upstream project, and where its files are."""
        with self.change() as connection:
            connection.execute(delete(REMOTE).where(REMOTE.c.project == project))
            connection.execute(
                insert(REMOTE).values(project=project, listing=listing, fetched=self.clock())
            )
            digests = [file[0] for file in files]
            for start in range(0, len(digests), 500):
                part = digests[start : start + 500]
                connection.execute(delete(REMOTE_FILES).where(REMOTE_FILES.c.sha256.in_(part)))
            rows = {
                sha256: {"sha256": sha256, "filename": filename, "url": url, "size": size}
                for sha256, filename, url, size in files
            }
            if rows:
                connection.execute(insert(REMOTE_FILES), list(rows.values()))

    def remote(self, project: str) -> tuple[bytes, float] | None:
        """The last good listing and when it was fetched."""
        with self.change() as connection:
            row = connection.execute(select(REMOTE).where(REMOTE.c.project == project)).first()
            return None if row is None else (row.listing, row.fetched)

    def remote_file(self, sha256: str) -> tuple[str, str, int | None] | None:
        """(file name, address, size) of an upstream file."""
        with self.change() as connection:
            row = connection.execute(
                select(REMOTE_FILES).where(REMOTE_FILES.c.sha256 == sha256)
            ).first()
            return None if row is None else (row.filename, row.url, row.size)

    def keep_derived(
        self, *, sha256: str, original: str, filename: str, size: int, recipe: bytes,
        core_metadata: bytes,
    ) -> None:  # fmt: skip
        """Keep the recipe of a derived wheel."""
        with self.change() as connection:
            known = connection.execute(
                select(DERIVED.c.sha256).where(DERIVED.c.sha256 == sha256)
            ).first()
            if known is None:
                connection.execute(
                    insert(DERIVED).values(
                        sha256=sha256, original=original, filename=filename, size=size,
                        recipe=recipe, core_metadata=core_metadata, made=self.clock(),
                    )
                )  # fmt: skip

    def originals(self) -> tuple[str, ...]:
        """The digests of files that derived wheels are made of."""
        with self.change() as connection:
            rows = connection.execute(select(DERIVED.c.original).distinct()).all()
        return tuple(row.original for row in rows)

    def derived(self, sha256: str) -> Row[Any] | None:
        """The row of a derived wheel."""
        with self.change() as connection:
            return connection.execute(select(DERIVED).where(DERIVED.c.sha256 == sha256)).first()
