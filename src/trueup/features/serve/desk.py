"""One index: its channels and views, its pages as bytes, and its files by their digests."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from trueup.features.serve.corrected import Corrected, Keeper, recipe_of
from trueup.features.serve.receive import Receiver, RefusedError, Rules
from trueup.features.serve.shelves import Hosted, Joined, Shelf, Upstream
from trueup.features.serve.watch import DeskWatcher, WatchedReceiver
from trueup.model.artifact import Artifact, parse_filename
from trueup.model.errors import NotFoundError, SourceError
from trueup.sources.index import IndexSource
from trueup.sources.simplepage import index_html, index_json, page_html, page_json
from trueup.sources.store.blobs import Blobs, blob_file
from trueup.sources.store.failures import ChangedError
from trueup.sources.store.store import HostedRelease, Page, State, Store

__all__ = ["MAIN", "Desk", "ServedFile", "View"]

MAIN = "main"
"""The channel of uploads that name none."""

_UPSTREAM_AGE = 600.0
"""Seconds for which a page of an upstream project is served as it is."""

_IN_MEMORY = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Which channel, and whether corrected: what a URL prefix names."""

    channel: str = MAIN
    corrected: bool = False

    @property
    def key(self) -> str:
        return f"{self.channel}/{'corrected' if self.corrected else 'faithful'}"


@dataclass(frozen=True, kw_only=True)
class ServedFile:
    """A file that can be sent: its size, and its bytes from one offset to before another."""

    filename: str
    size: int
    read: Callable[[int, int], Iterator[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A page in memory: the state of the index that it shows, and until when it is believed."""

    generation: int
    until: float
    page: Page

    @property
    def size(self) -> int:
        return len(self.page.body) + len(self.page.packed)


class Desk:
    """Answers what readers and uploaders ask; every method may be called from any thread."""

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        *,
        rules: Rules,
        open_upstream: Callable[[], IndexSource] | None = None,
        quiet: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``quiet`` is after how many seconds without an upload a release is published by itself;
        None: only when somebody says so.
        """
        self.store = store
        self.blobs = blobs
        self.rules = rules
        self.quiet = quiet
        self.clock = clock
        self.upstream = None if open_upstream is None else Upstream(store, open_upstream)
        self.watcher = DeskWatcher()
        self._pages: OrderedDict[tuple[str, str, str], _Held] = OrderedDict()
        self._held = 0
        self._generation = store.generation()
        self._lock = threading.Lock()

    def watch(self, watcher: DeskWatcher) -> None:
        """Tell a watcher from now on what is done here."""
        self.watcher = watcher
        if self.upstream is not None:
            self.upstream.watcher = watcher

    # --- reading ------------------------------------------------------------------------------------

    def shelf(self, view: View) -> Shelf:
        """What a view is made of."""
        channels = dict.fromkeys([view.channel, MAIN])
        shelves: list[Shelf] = [Hosted(self.store, name) for name in channels]
        if self.upstream is not None:
            shelves.append(self.upstream)
        joined = Joined(shelves)
        if not view.corrected:
            return joined
        return Corrected(joined, self.store, self.blobs, _Originals(self))

    def page(self, view: View, project: NormalizedName, form: str) -> Page:
        """A project's page in a form (json, html); raises NotFoundError, SourceError.

        From memory if nothing changed, else from the database, else made now.
        """
        key = (view.key, project, form)
        found = self.remembered(key)
        if found is None:
            # The number is asked for first: a page can be newer than it says, never older.
            generation = self.store.generation()
            found, until = self.store.page(*key), self.clock() + _UPSTREAM_AGE
            if found is None or not self._fresh(found, view, project):
                found = self._made(view, project, form, generation)
                self.watcher.page("stale" if found.stale else "made")
            else:
                self.watcher.page("database")
                if found.made + _UPSTREAM_AGE >= self.clock():
                    until = found.made + _UPSTREAM_AGE
            self._remember(key, _Held(generation=generation, until=until, page=found))
        return found

    def remembered(self, key: tuple[str, str, str]) -> Page | None:
        """A page that is in memory and still true."""
        held = self._pages.get(key)
        if held is None or held.generation != self._generation or held.until < self.clock():
            return None
        return held.page

    def follow(self) -> None:
        """See whether another worker changed something; to be called every now and then."""
        number = self.store.generation()
        with self._lock:
            # Of two who ask at once the slower one may bring the older number.
            self._generation = max(self._generation, number)

    def _fresh(self, page: Page, view: View, project: NormalizedName) -> bool:
        if page.made + _UPSTREAM_AGE >= self.clock():
            return True
        return any(self.store.owns(name, project) for name in {view.channel, MAIN})

    def _made(self, view: View, project: NormalizedName, form: str, generation: int) -> Page:
        shelf = self.shelf(view)
        listing = shelf.listing(project)
        stale = shelf.stale(project)
        body = page_json(listing) if form == "json" else page_html(listing)
        return self.store.keep_page(
            view.key, project, form, body, generation=generation, stale=stale
        )

    def _remember(self, key: tuple[str, str, str], held: _Held) -> None:
        with self._lock:
            self._generation = max(self._generation, held.generation)
            old = self._pages.get(key)
            if old is not None and old.generation > held.generation:
                return
            self._pages.pop(key, None)
            self._held += held.size - (old.size if old is not None else 0)
            self._pages[key] = held
            while self._held > _IN_MEMORY and len(self._pages) > 1:
                _, gone = self._pages.popitem(last=False)
                self._held -= gone.size

    def index(self, view: View, form: str) -> bytes:
        """The list of projects; those of the upstream index are not listed."""
        names = sorted({p for c in {view.channel, MAIN} for p in self.store.projects(c)})
        return index_json(names) if form == "json" else index_html(names)

    def sidecar(self, sha256: str) -> bytes | None:
        """The METADATA of a wheel, as its page advertises it."""
        derived = self.store.derived(sha256)
        if derived is not None:
            return bytes(derived.core_metadata)
        file = self.store.hosted_file(sha256)
        return None if file is None else file.core_metadata

    def file(self, sha256: str) -> ServedFile:
        """A file by its digest: hosted, kept, derived, or fetched from upstream and kept.

        Raises NotFoundError for one that no page of ours names, SourceError.
        """
        derived = self.store.derived(sha256)
        if derived is not None:
            return self._derived(derived.original, derived.filename, derived.recipe)
        hosted = self.store.hosted_file(sha256)
        filename = hosted.filename if hosted is not None else None
        if hosted is None:
            remote = self.store.remote_file(sha256)
            if remote is None:
                raise NotFoundError("no such file", place=(sha256,))
            filename = remote[0]
            self.keep_upstream(sha256)
        size = self.blobs.size(sha256)
        if size is None or filename is None:
            raise NotFoundError("is lost", place=(sha256,), hint="`trueup serve fsck` tells more")
        return ServedFile(
            filename=filename,
            size=size,
            read=lambda start, end: self.blobs.read(sha256, start, end),
        )

    def _derived(self, original: str, filename: str, data: bytes) -> ServedFile:
        self.keep_upstream(original)
        size = self.blobs.size(original)
        if size is None:
            raise NotFoundError("its original is lost", place=(filename,))
        recipe = recipe_of(data)

        def read(start: int, end: int) -> Iterator[bytes]:
            at = 0
            for chunk in recipe.render(blob_file(self.blobs, original, size)):
                first, last = max(start - at, 0), min(end - at, len(chunk))
                if first < last:
                    yield chunk[first:last]
                at += len(chunk)
                if at >= end:
                    return

        return ServedFile(filename=filename, size=recipe.size, read=read)

    def keep_upstream(self, sha256: str) -> None:
        """Fetch an upstream file once, verified against the digest of its page, and keep it."""
        if self.blobs.size(sha256) is not None or self.upstream is None:
            return
        remote = self.store.remote_file(sha256)
        if remote is None:
            return
        filename, url, size = remote
        artifact = Artifact(
            filename=filename,
            url=url,
            name=parse_filename(filename),
            size=size,
            hashes={"sha256": sha256},
        )
        with TemporaryDirectory(prefix="fetch-", dir=self.blobs.scratch) as folder:
            path = self.upstream.download(artifact, Path(folder))
            self.blobs.put(sha256, path)

    # --- writing ------------------------------------------------------------------------------------

    def receiver(self, channel: str) -> Receiver:
        """What takes uploads to a channel."""
        found = WatchedReceiver(self.store, self.blobs, channel, self.rules, clock=self.clock)
        found.watcher = self.watcher
        return found

    def publish(self, channel: str, project: str, version: str, *, who: str) -> Mapping[str, str]:
        """Publish a staged release; raises RefusedError."""
        try:
            found = Version(version)
        except InvalidVersion as error:
            raise RefusedError(f"`{version}` is no version") from error
        release = self.receiver(channel).publish(canonicalize_name(project), found, who=who)
        self.follow()
        return {"project": release.project, "version": str(release.version), "state": "published"}

    def publish_quiet(self) -> list[str]:
        """Publish what was staged and then left alone for the quiet period; returns what was."""
        if self.quiet is None:
            return []
        done = []
        for channel in self.store.channels():
            for release in self.store.releases(channel, state=State.STAGED):
                left = release.touched + self.quiet <= self.clock()
                if left and self._publish_left(release):
                    done.append(f"{release.project} {release.version}")
        self.follow()
        return done

    def _publish_left(self, release: HostedRelease) -> bool:
        who = "quiet period"
        try:
            self.receiver(release.channel).publish(
                release.project, release.version, who=who, touched=release.touched
            )
        except RefusedError:
            with suppress(ChangedError):
                self.store.set_state(release, State.QUARANTINED, who=who)
        except ChangedError:
            # A file came, or another worker was faster: its quiet period begins anew.
            return False
        else:
            return True
        return False

    def close(self) -> None:
        """Give up the connections."""
        if self.upstream is not None:
            self.upstream.close()
        self.store.engine.dispose()


class _Originals(Keeper):
    """Fetches what a derived wheel is made of."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def keep(self, artifact: Artifact) -> None:
        sha256 = artifact.hashes.get("sha256")
        if sha256 is None:
            raise SourceError("has no sha256 on its page", place=(artifact.filename,))
        self._desk.keep_upstream(sha256)
