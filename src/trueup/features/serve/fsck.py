"""Do the database and the blobs agree, and can what is broken be made anew."""

from __future__ import annotations

import gzip
import hashlib
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import msgspec
from packaging.utils import NormalizedName

from trueup.features.serve.derived import recipe_of
from trueup.model.artifact import OtherName, parse_filename
from trueup.model.errors import TrueupError
from trueup.model.watcher import Watcher
from trueup.sources.store.blobs import Blobs, blob_file
from trueup.sources.store.contents import Content, Contents, DerivedRow, Kind, PageRow
from trueup.sources.store.failures import UnreadError
from trueup.sources.store.store import Store

__all__ = ["Checked", "check_store"]

_YOUNG = 3600.0
"""Seconds for which a blob that nothing needs is left alone: its upload may be under way."""


class Checked(NamedTuple):
    """``lost``: files that are missing or damaged, and nobody can give them back. ``unused``: blobs
    that nothing needs. ``broken``: what can be made or fetched anew, and was if asked for.
    ``removed``: of the unused, those that were removed, with their bytes.
    """

    lost: tuple[str, ...]
    unused: tuple[str, ...]
    broken: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    removed_size: int = 0


def check_store(
    store: Store,
    blobs: Blobs,
    *,
    deep: bool = True,
    repair: bool = False,
    watcher: Watcher | None = None,
    clock: Callable[[], float] = time.time,
) -> Checked:
    """Compare everything that the database names with what is there.

    ``deep`` reads and hashes every file, and puts every derived wheel together once. ``repair``
    removes blobs that nothing needs and nobody put for an hour, pages and derived wheels that are
    broken, so that they are made anew, and damaged files of the index behind, so that they are
    fetched again; what was uploaded is never removed. Others may use the index meanwhile.
    """
    return _Check(store, blobs, deep, repair, watcher or Watcher(), clock).run()


class _Check:
    """One look at everything."""

    def __init__(
        self, store: Store, blobs: Blobs, deep: bool, repair: bool, watcher: Watcher,
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._store, self._blobs, self._deep, self._repair = store, blobs, deep, repair
        self._watcher, self._clock = watcher, clock
        self._contents = Contents(store.engine, clock=clock)
        self._lost: list[str] = []
        self._broken: list[str] = []

    def run(self) -> Checked:
        # The blobs first: one that comes while we look is named by then, or too young.
        there = tuple(sorted(self._blobs.all()))
        named = self._contents.contents()
        self._watcher.expect(len(named))
        for one in named.values():
            self._file(one)
            self._watcher.done(one.filename)
        for row in self._contents.derived_rows():
            self._derived(row, named)
        for page in self._contents.page_rows():
            self._page(page)
        unused = tuple(sha256 for sha256 in there if sha256 not in named)
        removed, size = self._remove(unused) if self._repair else ((), 0)
        return Checked(tuple(self._lost), unused, tuple(self._broken), removed, size)

    def _file(self, one: Content) -> None:
        what = f"{one.filename} ({one.sha256})"
        try:
            wrong = self._wrong(one)
        except UnreadError as error:
            wrong = error.what
        if wrong is None:
            return
        if one.kind is Kind.UPLOADED or not one.remote:
            self._lost.append(f"{what}: {wrong}" if wrong else what)
            return
        self._broken.append(f"{what}: {wrong or 'missing'}; the index behind has it")
        if self._repair and wrong:
            self._blobs.delete(one.sha256)

    def _wrong(self, one: Content) -> str | None:
        """What is wrong with a file; empty: it is not there."""
        size = self._blobs.size(one.sha256)
        if size is None:
            return "" if one.must_be_there else None
        if one.kind is Kind.UPLOADED and size != one.size:
            return f"{size:,} bytes instead of {one.size:,}"
        if self._deep and _digest(self._blobs.read(one.sha256, 0, size)) != one.sha256:
            return "other bytes"
        return None

    def _derived(self, row: DerivedRow, named: Mapping[str, Content]) -> None:
        reason = self._derived_wrong(row)
        if reason is None:
            return
        self._broken.append(f"derived {row.filename} ({row.sha256}): {reason}")
        if self._repair:
            self._contents.forget_derived(row.sha256)
            name = parse_filename(row.filename)
            if not isinstance(name, OtherName):
                self._store.forget_pages(name.project)

    def _derived_wrong(self, row: DerivedRow) -> str | None:
        """Why a recipe does not give its wheel; None also where its original is not there."""
        try:
            recipe = recipe_of(row.recipe)
            if recipe.size != row.size:
                return f"its recipe makes {recipe.size:,} bytes instead of {row.size:,}"
            size = self._blobs.size(row.original)
            if not self._deep or size is None:
                return None
            made = _digest(recipe.render(blob_file(self._blobs, row.original, size)))
        except (TrueupError, msgspec.MsgspecError, ValueError, AssertionError, TypeError) as error:
            return f"its recipe cannot be used: {error}"
        return None if made == row.sha256 else "its recipe makes other bytes"

    def _page(self, row: PageRow) -> None:
        found = self._store.page(row.view, row.project, row.form)
        if found is None:
            return
        try:
            same = gzip.decompress(found.packed) == found.body
        except (OSError, EOFError, zlib.error):
            same = False
        digest = hashlib.sha256(found.body).hexdigest()
        if same and digest.startswith(found.etag.strip('"')):
            return
        self._broken.append(f"page {row.view}/{row.project} ({row.form})")
        if self._repair:
            self._store.forget_pages(NormalizedName(row.project))

    def _remove(self, unused: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
        removed, total, before = [], 0, self._clock() - _YOUNG
        for sha256 in unused:
            size = self._blobs.size(sha256) or 0
            # Asked again: an upload may have found the blob there, and need it now.
            if not self._contents.names(sha256) and self._blobs.drop(sha256, before=before):
                removed.append(sha256)
                total += size
        return tuple(removed), total


def _digest(chunks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
