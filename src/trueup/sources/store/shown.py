"""What readers are given: rendered pages, what is upstream, and derived wheels."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects import postgresql, sqlite

from trueup.sources.store.database import upsert
from trueup.sources.store.failures import StoreError
from trueup.sources.store.outcomes import Outcomes
from trueup.sources.store.tables import (
    DERIVED,
    GENERATION,
    NAMES,
    PAGES,
    REMOTE,
    REMOTE_FILES,
    SIDECARS,
)

__all__ = ["Page", "Shown", "headers_said"]


_PATIENCE = 0.2
"""Seconds that somebody who asked for a page may wait for it to be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A rendered page: the body, the same as gzip, and its ETag (quoted).

    ``until`` is when more will be known than it shows (None: it is complete), ``said`` are headers
    to be sent with it.
    """

    body: bytes
    packed: bytes
    etag: str
    made: float
    stale: bool
    until: float | None = None
    said: tuple[tuple[str, str], ...] = ()


class Shown(Outcomes):
    """Pages and files as they are served."""

    def forget_pages(self, project: str) -> None:
        """Have the pages of a project made again."""
        with self.change() as connection:
            self.seen(connection, project)

    def page(self, view: str, project: str, form: str) -> Page | None:
        """A rendered page."""
        with self.look() as connection:
            row = connection.execute(
                select(PAGES).where(
                    PAGES.c.view == view, PAGES.c.project == project, PAGES.c.form == form
                )
            ).first()
        if row is None:
            return None
        return Page(
            body=row.body, packed=row.packed, etag=row.etag, made=row.made, stale=row.stale,
            until=row.until, said=headers_said(row.said),
        )  # fmt: skip

    def keep_page(
        self,
        view: str,
        project: str,
        form: str,
        body: bytes,
        *,
        generation: int,
        stale: bool,
        until: float | None = None,
        said: Mapping[str, str] | None = None,
    ) -> Page:
        """Keep a rendered page, unless something changed since ``generation`` was asked for.

        A page that cannot be kept, because the disk is full or somebody else writes for long, is
        true all the same.
        """
        packed = gzip.compress(body, 6, mtime=0)
        etag = f'"{hashlib.sha256(body).hexdigest()[:40]}"'
        page = Page(
            body=body, packed=packed, etag=etag, made=self.clock(), stale=stale, until=until,
            said=tuple((said or {}).items()),
        )  # fmt: skip
        with suppress(StoreError), self.change(patience=_PATIENCE) as connection:
            # Locked until the page is written: nobody changes anything in between.
            now = connection.execute(select(GENERATION.c.number).with_for_update()).scalar_one()
            if now == generation:
                row = {
                    "view": view, "project": project, "form": form, "body": body, "packed": packed,
                    "etag": etag, "made": page.made, "stale": stale, "until": until,
                    "said": json.dumps(dict(page.said)) if page.said else None,
                }  # fmt: skip
                upsert(connection, PAGES, [row])
        return page

    def keep_remote(
        self,
        project: str,
        listing: bytes,
        files: Sequence[tuple[str, str, str, int | None, str | None]],
    ) -> None:
        """Keep the last good listing of an upstream project, and where its files are.

        ``files`` are (sha256, file name, address, size, sha256 of the sidecar as in REMOTE_FILES).
        """
        with self.change() as connection:
            row = {"project": project, "listing": listing, "fetched": self.clock()}
            upsert(connection, REMOTE, [row])
            rows = {
                sha256: {
                    "sha256": sha256, "filename": filename, "url": url, "size": size,
                    "core_metadata": sidecar,
                }
                for sha256, filename, url, size, sidecar in files
            }  # fmt: skip
            upsert(connection, REMOTE_FILES, list(rows.values()))
            _note_names(connection, {(one[0], one[1]) for one in files})

    def remote(self, project: str) -> tuple[bytes, float] | None:
        """The last good listing and when it was fetched."""
        with self.look() as connection:
            row = connection.execute(select(REMOTE).where(REMOTE.c.project == project)).first()
            return None if row is None else (row.listing, row.fetched)

    def remote_file(self, sha256: str) -> Row[Any] | None:
        """The row of an upstream file."""
        with self.look() as connection:
            return connection.execute(
                select(REMOTE_FILES).where(REMOTE_FILES.c.sha256 == sha256)
            ).first()

    def has_name(self, sha256: str, filename: str) -> bool:
        """Whether a page ever listed a file of other origin than uploads under this name."""
        wanted = select(NAMES.c.sha256).where(
            NAMES.c.sha256 == sha256, NAMES.c.filename == filename
        )
        with self.look() as connection:
            return connection.execute(wanted).first() is not None

    def sidecar(self, sha256: str) -> bytes | None:
        """A sidecar of the index behind by its own digest, if it was kept."""
        with self.look() as connection:
            row = connection.execute(select(SIDECARS).where(SIDECARS.c.sha256 == sha256)).first()
        return None if row is None else bytes(row.data)

    def keep_sidecar(self, data: bytes) -> None:
        """Keep a sidecar of the index behind."""
        with self.change() as connection:
            row = {"sha256": hashlib.sha256(data).hexdigest(), "data": data}
            upsert(connection, SIDECARS, [row])

    def keep_derived(
        self, *, sha256: str, original: str, filename: str, size: int, recipe: bytes,
        core_metadata: bytes,
    ) -> None:  # fmt: skip
        """Keep the recipe of a derived wheel."""
        with self.change() as connection:
            row = {
                "sha256": sha256, "original": original, "filename": filename, "size": size,
                "recipe": recipe, "core_metadata": core_metadata, "made": self.clock(),
            }  # fmt: skip
            upsert(connection, DERIVED, [row])
            _note_names(connection, {(sha256, filename)})

    def originals(self) -> tuple[str, ...]:
        """The digests of files that derived wheels are made of."""
        with self.look() as connection:
            rows = connection.execute(select(DERIVED.c.original).distinct()).all()
        return tuple(row.original for row in rows)

    def derived_as(self, original: str, filename: str) -> Row[Any] | None:
        """The row of the derived wheel of that name that was made of an original."""
        wanted = select(DERIVED).where(
            DERIVED.c.original == original, DERIVED.c.filename == filename
        )
        with self.look() as connection:
            return connection.execute(wanted.order_by(DERIVED.c.made)).first()

    def derived(self, sha256: str) -> Row[Any] | None:
        """The row of a derived wheel."""
        with self.look() as connection:
            return connection.execute(select(DERIVED).where(DERIVED.c.sha256 == sha256)).first()


def headers_said(text: str | None) -> tuple[tuple[str, str], ...]:
    """The headers of a page as they are kept with it."""
    return tuple(json.loads(text).items()) if text else ()


def _note_names(connection: Connection, names: Iterable[tuple[str, str]]) -> None:
    """Remember names; those that are known stay, in an order that no two writers wait in."""
    family = postgresql if connection.dialect.name == "postgresql" else sqlite
    rows = [{"sha256": sha256, "filename": filename} for sha256, filename in sorted(names)]
    if rows:
        connection.execute(family.insert(NAMES).on_conflict_do_nothing(), rows)
