"""One index: its channels and views, its pages as bytes, and its files by their digests."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime

from packaging.utils import NormalizedName, canonicalize_name

from trueup.features.serve.corrected import Corrected
from trueup.features.serve.derived import Workshop
from trueup.features.serve.filed import Files
from trueup.features.serve.looker import Looker
from trueup.features.serve.memory import PageKey, PageMemory
from trueup.features.serve.outcome import Account
from trueup.features.serve.patched import Patched, canonical
from trueup.features.serve.policies import PolicyBook, ViewPolicy
from trueup.features.serve.receive import Receiver, RefusedError
from trueup.features.serve.shelves import Hosted, Joined, JustTold, Shelf, Upstream
from trueup.features.serve.told import told, until_of
from trueup.features.serve.view import CORRECTED, LEDGER, MAIN, View
from trueup.features.serve.watch import DeskWatcher, WatchedReceiver
from trueup.features.serve.worked import Bench, Step, Worked
from trueup.model.errors import NotFoundError
from trueup.model.patch import Ledger
from trueup.model.version import parse_version
from trueup.sources.index import IndexSource
from trueup.sources.simplepage import index_html, index_json, page_html, page_json
from trueup.sources.store.blobs import Blobs
from trueup.sources.store.failures import ChangedError
from trueup.sources.store.glance import Glance
from trueup.sources.store.store import HostedRelease, Page, State, Store

__all__ = ["MAIN", "Desk", "View"]

_STALE_AGE = 60.0
"""Seconds for which its last good page is, before it is asked again."""

_UPSTREAM_AGE = 600.0
"""Seconds for which a page of an upstream project is served as it is."""

_EDITION = "x-trueup-edition"
"""The header that tells pages apart which were made under other policies or patches."""


class Desk:
    """Answers what readers and uploaders ask; every method may be called from any thread."""

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        *,
        policies: PolicyBook,
        open_upstream: Callable[[], IndexSource] | None = None,
        ledger: Ledger | None = None,
        patience: float = 10.0,
        page_memory: int = 64 * 1024 * 1024,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``ledger`` are the patches of the view of that name, ``patience`` the seconds for which a
        page waits for its newest releases to be looked into, ``page_memory`` is for how many bytes
        of pages.
        """
        self.store = store
        self.policies = policies
        self.clock = clock
        self.upstream = (
            None if open_upstream is None else Upstream(store, open_upstream, clock=clock)
        )
        self.files = Files(store, blobs, self.upstream)
        self.watcher = DeskWatcher()
        self._looker = Looker(store, clock=clock)
        self._workshop = Workshop(store, self.files)
        self._bench = Bench(
            store=store,
            workshop=self._workshop,
            looker=self._looker,
            clock=clock,
            patience=patience,
            glimpse=min(patience, 1.0),
        )
        self._ledger = ledger
        self._edition = _edition(policies, ledger)
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
        self.watcher = self._looker.watcher = watcher
        if self.upstream is not None:
            self.upstream.watcher = watcher

    # --- reading ------------------------------------------------------------------------------------

    def shelf(self, view: View, *, again: bool = False, waits: bool = True) -> Shelf:
        """What a view is made of; raises NotFoundError for one that is not there.

        ``again``: the index behind is not asked for what it said a moment ago. ``waits``: for
        releases that are being looked into.
        """
        channels = dict.fromkeys([view.channel, MAIN])
        shelves: list[Shelf] = [Hosted(self.store, self.blobs, name) for name in channels]
        if self.upstream is not None:
            shelves.append(JustTold(self.upstream) if again else self.upstream)
        found: Shelf = Joined(shelves)
        bench = self._bench if waits else replace(self._bench, patience=0, glimpse=0)
        for name in view.steps:
            found = Worked(found, self._step(name, view.channel), bench)
        return found

    def _step(self, name: str, channel: str) -> Step:
        def policy(project: NormalizedName) -> ViewPolicy:
            return self.policies.for_project(channel, project).views

        if name == CORRECTED:
            return Corrected(self._workshop, policy)
        if self._ledger is None:
            raise NotFoundError("no such view", place=(name,), hint="`--ledger` names its patches")
        return Patched(self._ledger, self._workshop, policy, self._today)

    def _today(self) -> date:
        return datetime.fromtimestamp(self.clock(), tz=UTC).date()

    def accounts(self, view: View, project: NormalizedName) -> Sequence[Account]:
        """What became of the releases of a project in a view, and which are not looked into yet.

        Waits for none of them; raises NotFoundError, SourceError.
        """
        shelf = self.shelf(view, again=True, waits=False)
        shelf.listing(project)
        return shelf.accounts(project)

    def page(self, view: View, project: NormalizedName, form: str) -> Page:
        """A project's page in a form (json, html); raises NotFoundError, SourceError.

        From memory if nothing changed, else from the database, else made now.
        """
        key = (view.key, project, form)
        found = self.remembered(key)
        if found is None:
            # The number is asked for first: a page can be newer than it says, never older.
            generation = self.store.generation()
            found = self.store.page(*key)
            if found is None or not self._fresh(found, view, project):
                again = found is not None and found.until is not None
                found = self._made(view, project, form, generation, again=again)
                self.watcher.page("stale" if found.stale else "made")
            else:
                self.watcher.page("database")
            self._memory.keep(key, found, generation=generation, until=self._until(found))
        return found

    def remembered(self, key: PageKey) -> Page | None:
        """A page that is in memory and still true."""
        return self._memory.find(key)

    def glanced(self, view: View, project: str, form: str) -> Page | None:
        """A page that an embedded database has, found without waiting; for one thread only."""
        now = self.clock()
        key = (view.key, project, form)
        found = self._glance.page(
            *key, since=now - _UPSTREAM_AGE, channels=(view.channel, MAIN), now=now
        )
        if found is None or not self._is_ours(found[0], view):
            return None
        page, generation = found
        self._memory.keep(key, page, generation=generation, until=self._until(page))
        return page

    def _until(self, page: Page) -> float:
        """How long a page in memory is believed, unless something changes."""
        now, until = self.clock(), page.made + _UPSTREAM_AGE
        until = until if until >= now else now + _UPSTREAM_AGE
        return until if page.until is None else min(until, page.until)

    def follow(self) -> None:
        """See whether another worker changed something; to be called every now and then."""
        self._memory.saw(self.store.generation())

    def _is_ours(self, page: Page, view: View) -> bool:
        """Whether a page was made under the policies and the patches of now."""
        return not view.steps or (_EDITION, self._edition) in page.said

    def _fresh(self, page: Page, view: View, project: NormalizedName) -> bool:
        if not self._is_ours(page, view) or (page.until or self.clock()) < self.clock():
            return False
        if page.made + _UPSTREAM_AGE >= self.clock():
            return True
        return any(self.store.owns(name, project) for name in {view.channel, MAIN})

    def _made(
        self, view: View, project: NormalizedName, form: str, generation: int, *, again: bool
    ) -> Page:
        shelf = self.shelf(view, again=again)
        listing = shelf.listing(project)
        accounts, stale = shelf.accounts(project), shelf.stale(project)
        body = page_json(listing) if form == "json" else page_html(listing)
        return self.store.keep_page(
            view.key,
            project,
            form,
            body,
            generation=generation,
            stale=stale,
            until=self._complete_until(accounts, view, stale=stale),
            said={_EDITION: self._edition, **told(accounts)} if view.steps else None,
        )

    def _complete_until(
        self, accounts: Sequence[Account], view: View, *, stale: bool
    ) -> float | None:
        now = self.clock()
        if stale:
            return now + _STALE_AGE
        until = until_of(accounts, now)
        if LEDGER in view.steps:
            # Patches end with a day.
            return min(now + _UPSTREAM_AGE, until or now + _UPSTREAM_AGE)
        return until

    def index(self, view: View, form: str) -> bytes:
        """The list of projects; those of the upstream index are not listed."""
        self.shelf(view)
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
        found = parse_version(version)
        if found is None:
            raise RefusedError(f"`{version[:300]}` is no version")
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
        self._looker.close()
        if self.upstream is not None:
            self.upstream.close()
        self._glance.close()
        self.store.engine.dispose()


def _edition(policies: PolicyBook, ledger: Ledger | None) -> str:
    """A digest of what views do, where the same files would be shown otherwise."""
    tables = [(one.projects, one.channels, one.policy.views) for one in policies.tables]
    text = canonical((policies.default.views, tables, ledger))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
