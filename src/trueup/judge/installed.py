"""Everything about an installed environment that rules look at, computed once and when asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName

from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.installed import (
    InstalledDistribution,
    InstalledEnvironment,
    Rows,
    plain_path,
)
from trueup.model.installedreport import Origin
from trueup.model.metadata import Resolution, Unreadable
from trueup.model.requirement import Requirement

if TYPE_CHECKING:
    from trueup.judge.locked import Locked

__all__ = ["InstalledJudgement", "Need", "installed_finding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A requirement that is live here: who asks, for which of its extras, and what is there."""

    by: InstalledDistribution
    extra: str | None
    requirement: Requirement
    found: InstalledDistribution | None

    @property
    def is_met(self) -> bool:
        """Whether something of that name is there, in an allowed version.

        A direct URL is met by anything that says it came from somewhere: what is at the address now
        is not known. A version that is none meets no range.
        """
        if self.found is None:
            return False
        specifier = self.requirement.specifier
        if not specifier:
            return True
        version = self.found.version
        return version is not None and specifier.contains(version, prereleases=True)


@dataclass(frozen=True, kw_only=True)
class InstalledJudgement:
    """An environment, and what its distributions ask for.

    ``locked`` is what a lock would install, ``origins`` where distributions come from, if that was
    asked.
    """

    environment: InstalledEnvironment
    locked: Locked | None = None
    origins: tuple[Origin, ...] = ()

    @cached_property
    def active(self) -> Mapping[NormalizedName, InstalledDistribution]:
        """The distribution that an import of each project finds."""
        return self.environment.active

    @cached_property
    def needs(self) -> tuple[Need, ...]:
        """Every live requirement of every active distribution.

        An extra counts if something that is installed asks for it; who installed the first
        distribution may have asked for extras of it, which nothing records.
        """
        values = {**self.environment.runtime.environment, "extra": ""}
        asked: dict[NormalizedName, set[str | None]] = {name: {None} for name in self.active}
        ahead: list[tuple[NormalizedName, str | None]] = [(name, None) for name in self.active]
        found: list[Need] = []
        while ahead:
            name, extra = ahead.pop()
            by = self.active[name]
            resolution = _resolution(by)
            if resolution is None:
                continue
            for requirement in resolution.requires_dist:
                if not _is_live(requirement, values, extra):
                    continue
                need = Need(
                    by=by,
                    extra=extra,
                    requirement=requirement,
                    found=self.active.get(requirement.project),
                )
                found.append(need)
                for wanted in requirement.extras if need.found is not None else ():
                    if wanted not in asked[requirement.project]:
                        asked[requirement.project].add(wanted)
                        ahead.append((requirement.project, wanted))
        return tuple(
            sorted(
                found, key=lambda need: (need.by.project, need.extra or "", str(need.requirement))
            )
        )

    @cached_property
    def owners(self) -> Mapping[str, tuple[InstalledDistribution, ...]]:
        """The recorded files that more than one distribution has, by site and path."""
        # Sets of whole RECORDs meet faster than their rows one by one.
        every: dict[str, set[str]] = {}
        twice: dict[str, set[str]] = {}
        for one in self.environment.distributions:
            paths = _plain_paths(one)
            known = every.setdefault(one.site, set())
            twice.setdefault(one.site, set()).update(known & paths)
            known |= paths
        found: dict[str, list[InstalledDistribution]] = {}
        for one in self.environment.distributions:
            for path in twice[one.site] and _plain_paths(one) & twice[one.site]:
                found.setdefault(f"{one.site}/{path}", []).append(one)
        return {path: tuple(owners) for path, owners in sorted(found.items())}

    def needed_by(self, project: NormalizedName) -> Iterator[Need]:
        """The requirements that lead to a project."""
        return (need for need in self.needs if need.requirement.project == project)


def _plain_paths(one: InstalledDistribution) -> frozenset[str]:
    if not isinstance(one.record, Rows):
        return frozenset()
    paths = one.record.paths
    odd = {path for path in paths if ".." in path or "\\" in path or "//" in path}
    return paths - odd | frozenset(map(plain_path, odd)) if odd else paths


def _resolution(one: InstalledDistribution) -> Resolution | None:
    if isinstance(one.metadata, Unreadable):
        return None
    found = one.metadata.resolution
    return None if isinstance(found, Unreadable) else found


def _is_live(requirement: Requirement, values: Mapping[str, str], extra: str | None) -> bool:
    """Whether a line counts for the base package (None), or because of an extra alone."""
    marker = requirement.marker
    if marker is None:
        return extra is None
    base = marker.holds(dict(values))
    if extra is None:
        return base
    return not base and marker.holds({**values, "extra": extra})


def installed_finding(
    one: InstalledDistribution,
    code: str,
    severity: Severity,
    message: str,
    *,
    evidence: Iterable[Evidence] = (),
    where: str | None = None,
    field: str | None = None,
    hint: str | None = None,
) -> Finding:
    """A finding about one installed distribution."""
    return Finding(
        code=code,
        severity=severity,
        project=one.project,
        version=one.written_version,
        message=message,
        evidence=tuple(evidence),
        where=where,
        field=field,
        hint=hint,
    )
