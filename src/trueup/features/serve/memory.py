"""Pages in memory: those that were asked for last, as far as they are still true."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from trueup.sources.store.store import Page

__all__ = ["PageKey", "PageMemory"]

PageKey = tuple[str, str, str]
"""View, project and form of a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A page in memory: the state of the index that it shows, and until when it is believed."""

    generation: int
    until: float
    page: Page

    @property
    def size(self) -> int:
        return len(self.page.body) + len(self.page.packed)


class PageMemory:
    """Up to ``limit`` bytes of pages; every method may be called from any thread."""

    def __init__(self, limit: int, generation: int, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._generation = generation
        self._clock = clock
        self._pages: OrderedDict[PageKey, _Held] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def find(self, key: PageKey) -> Page | None:
        """A page that is still true."""
        held = self._pages.get(key)
        if held is None or held.generation != self._generation or held.until < self._clock():
            return None
        with suppress(KeyError):  # another thread may just have made room for a page of its own
            self._pages.move_to_end(key)
        return held.page

    def saw(self, generation: int) -> None:
        """The index has this state, or a newer one: pages of older ones are not true any more."""
        if generation <= self._generation:
            return
        with self._lock:
            # Of two who ask at once the slower one may bring the older number.
            self._generation = max(self._generation, generation)

    def keep(self, key: PageKey, page: Page, *, generation: int, until: float) -> None:
        """Have a page at hand that shows the index as it was at ``generation``, or newer."""
        self.saw(generation)
        if not self._limit:
            return
        held = _Held(generation=generation, until=until, page=page)
        with self._lock:
            old = self._pages.get(key)
            if old is not None and old.generation > generation:
                return
            if old is not None:
                self._size -= self._pages.pop(key).size
            if held.size > self._limit:
                return
            self._pages[key] = held
            self._size += held.size
            while self._size > self._limit:
                # One step, since others may ask for a page and move it meanwhile.
                self._size -= self._pages.popitem(last=False)[1].size
