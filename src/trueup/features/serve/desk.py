"""One index: its channels and views, its pages as bytes, and its files by their digests."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from trueup.features.serve.corrected import Corrected, Keeper
from trueup.features.serve.filed import Files
from trueup.features.serve.memory import PageKey, PageMemory
from trueup.features.serve.policies import MAIN, PolicyBook
from trueup.features.serve.receive import Receiver, RefusedError
from trueup.features.serve.shelves import Hosted, Joined, Shelf, Upstream
from trueup.features.serve.watch import DeskWatcher, WatchedReceiver
from trueup.model.artifact import Artifact
from trueup.model.errors import SourceError
from trueup.sources.index import IndexSource
from trueup.sources.simplepage import index_html, index_json, page_html, page_json
from trueup.sources.store.blobs import Blobs
from trueup.sources.store.failures import ChangedError
from trueup.sources.store.glance import Glance
from trueup.sources.store.store import HostedRelease, Page, State, Store

__all__ = ["MAIN", "Desk", "View"]

_UPSTREAM_AGE = 600.0
"""Seconds for which a page of an upstream project is served as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Which channel, and whether corrected: what a URL prefix names."""

    channel: str = MAIN
    corrected: bool = False

    @property
    def key(self) -> str:
        return f"{self.channel}/{'corrected' if self.corrected else 'faithful'}"


class Desk:
    """Answers what readers and uploaders ask; every method may be called from any thread."""

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        *,
        policies: PolicyBook,
        open_upstream: Callable[[], IndexSource] | None = None,
        page_memory: int = 64 * 1024 * 1024,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``page_memory`` is for how many bytes of pages."""
        self.store = store
        self.policies = policies
        self.clock = clock
        self.upstream = None if open_upstream is None else Upstream(store, open_upstream)
        self.files = Files(store, blobs, self.upstream)
        self.watcher = DeskWatcher()
        self._memory = PageMemory(page_memory, store.generation(), clock)
        self._glance = Glance(store.engine)

    @property
    def blobs(self) -> Blobs:
        """Where the bytes of files are; it may be replaced by one around it."""
        return self.files.blobs

    @blobs.setter
    def blobs(self, blobs: Blobs) -> None:
        self.files.blobs = blobs

    def watch(self, watcher: DeskWatcher) -> None:
        """Tell a watcher from now on what is done here."""
        self.watcher = watcher
        if self.upstream is not None:
            self.upstream.watcher = watcher

    # --- reading ------------------------------------------------------------------------------------

    def shelf(self, view: View) -> Shelf:
        """What a view is made of."""
        channels = dict.fromkeys([view.channel, MAIN])
        shelves: list[Shelf] = [Hosted(self.store, self.blobs, name) for name in channels]
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
            self._memory.keep(key, found, generation=generation, until=until)
        return found

    def remembered(self, key: PageKey) -> Page | None:
        """A page that is in memory and still true."""
        return self._memory.find(key)

    def glanced(self, view: View, project: str, form: str) -> Page | None:
        """A page that an embedded database has, found without waiting; for one thread only."""
        now = self.clock()
        key = (view.key, project, form)
        found = self._glance.page(*key, since=now - _UPSTREAM_AGE, channels=(view.channel, MAIN))
        if found is None:
            return None
        page, generation = found
        until = page.made + _UPSTREAM_AGE
        until = until if until >= now else now + _UPSTREAM_AGE
        self._memory.keep(key, page, generation=generation, until=until)
        return page

    def follow(self) -> None:
        """See whether another worker changed something; to be called every now and then."""
        self._memory.saw(self.store.generation())

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

    def index(self, view: View, form: str) -> bytes:
        """The list of projects; those of the upstream index are not listed."""
        names = sorted({p for c in {view.channel, MAIN} for p in self.store.projects(c)})
        return index_json(names) if form == "json" else index_html(names)

    # --- writing ------------------------------------------------------------------------------------

    def receiver(self, channel: str) -> Receiver:
        """What takes uploads to a channel."""
        found = WatchedReceiver(self.store, self.blobs, channel, self.policies, clock=self.clock)
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
        """Publish what was staged and then left alone for its quiet period; returns what was."""
        policies = (self.policies.default, *(one.policy for one in self.policies.tables))
        if all(one.quiet is None for one in policies):
            return []
        done = []
        for channel in self.store.channels():
            for release in self.store.releases(channel, state=State.STAGED):
                quiet = self.policies.for_project(channel, release.project).quiet
                left = quiet is not None and release.touched + quiet <= self.clock()
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
        self._glance.close()
        self.store.engine.dispose()


class _Originals(Keeper):
    """Fetches what a derived wheel is made of."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def keep(self, artifact: Artifact) -> None:
        sha256 = artifact.hashes.get("sha256")
        if sha256 is None:
            raise SourceError("has no sha256 on its page", place=(artifact.filename,))
        self._desk.files.keep(sha256)
