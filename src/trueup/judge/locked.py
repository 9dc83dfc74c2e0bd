"""What a lock installs in one exact environment, and how an installed one differs from that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from packaging.tags import Tag
from packaging.utils import NormalizedName

from trueup.judge.closure import extra_of
from trueup.model.artifact import WheelName
from trueup.model.condition import Condition, Selection
from trueup.model.installed import DirectUrl, InstalledDistribution, Runtime
from trueup.model.lock import Edge, Lock, LockEntry, PlaceKind

__all__ = ["Locked"]


@dataclass(frozen=True, kw_only=True)
class Locked:
    """A lock, looked at from one interpreter; ``selection`` are the extras and groups installed."""

    lock: Lock
    runtime: Runtime
    selection: Selection

    @cached_property
    def entries(self) -> Mapping[NormalizedName, LockEntry]:
        """The entry that is installed here of each project."""
        live = self._walked() if self.lock.walked else self._conditioned()
        found: dict[NormalizedName, LockEntry] = {}
        for entry in live:
            found.setdefault(entry.project, entry)
        return found

    def _holds(self, condition: Condition) -> bool:
        left = condition.under(self.selection)
        return left if isinstance(left, bool) else left.holds(dict(self._values))

    @cached_property
    def _values(self) -> Mapping[str, str]:
        return {**self.runtime.environment, "extra": ""}

    def _conditioned(self) -> Iterator[LockEntry]:
        return (entry for entry in self.lock.entries if self._holds(entry.condition))

    def _walked(self) -> Iterator[LockEntry]:
        """Follow the lock's own edges from its roots, as its tool does."""
        by_project = self.lock.by_project()
        reached: set[tuple[int, NormalizedName | None]] = set()
        ahead: list[tuple[LockEntry, NormalizedName | None]] = []
        for entry in self.lock.entries:
            if entry.root and self._holds(entry.condition):
                chosen = sorted(
                    extra_of(option)
                    for option in self.selection
                    if option.project in (None, entry.project)
                )
                ahead += [(entry, extra) for extra in (None, *chosen)]
        while ahead:
            entry, extra = ahead.pop()
            if (id(entry), extra) in reached:
                continue
            reached.add((id(entry), extra))
            for edge in entry.edges:
                if edge.of_extra != extra or not self._holds(edge.condition):
                    continue
                for child in by_project.get(edge.project, ()):
                    if _is_meant(edge, child) and self._holds(child.condition):
                        ahead += [(child, wanted) for wanted in (None, *edge.extras)]
        numbers = {number for number, _ in reached}
        return (entry for entry in self.lock.entries if id(entry) in numbers)

    def is_own(self, entry: LockEntry) -> bool:
        """Whether it is the user's own project, which need not be installed itself."""
        return entry.root or entry.place.kind is PlaceKind.DIRECTORY

    def other_file(self, entry: LockEntry, one: InstalledDistribution) -> str | None:
        """How what is installed is seen not to be a file of the entry; None if it may be one."""
        url = one.direct_url
        if isinstance(url, DirectUrl) and url.hashes and entry.files:
            known = {f"{name}:{digest}" for name, digest in url.hashes.items()}
            listed = {
                f"{name}:{digest}" for file in entry.files for name, digest in file.hashes.items()
            } | entry.digests
            if listed and not known & listed:
                return f"an archive with the hash {min(known)[:23]}…"
        wheels = [file.name for file in entry.files if isinstance(file.name, WheelName)]
        if one.tags and wheels and not any(_may_be(name.tags, one.tags) for name in wheels):
            if any(file.is_sdist for file in entry.files):
                return "a wheel that was built here from the sdist"
            return f"a wheel for {min(map(str, one.tags))}"
        return None


def _is_meant(edge: Edge, child: LockEntry) -> bool:
    if edge.version is not None and child.version != edge.version:
        return False
    return edge.location is None or child.place.location == edge.location


def _may_be(name: frozenset[Tag], installed: frozenset[Tag]) -> bool:
    """Whether a wheel of that name can have written these tags into its `WHEEL`.

    Tags are repaired by renaming (`linux` to `manylinux`), so one in common is enough.
    """
    return bool(name & installed)
