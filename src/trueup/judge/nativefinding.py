"""Findings about shared libraries: the links of one cause, told as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trueup.judge.native import NativeMap, Placement
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.library import Distribution
from trueup.model.loading import Found, Link

__all__ = ["links_found", "native_finding"]


def native_finding(
    distribution: Distribution,
    code: str,
    severity: Severity,
    message: str,
    *,
    evidence: Iterable[Evidence] = (),
    where: str | None = None,
    hint: str | None = None,
) -> Finding:
    """A finding about what one distribution brings."""
    return Finding(
        code=code,
        severity=severity,
        project=distribution.project,
        version=str(distribution.version),
        message=message,
        evidence=tuple(evidence),
        where=where,
        hint=hint,
    )


def links_found(
    native: NativeMap, found: Found
) -> Iterator[tuple[Placement, Distribution, str, tuple[Link, ...]]]:
    """The links that end so, by environment, distribution of the user, and what was wanted."""
    for placement in native.placements:
        groups: dict[tuple[str, str], dict[str, Link]] = {}
        for closure in placement.closures:
            for link in closure.links:
                if link.found is found:
                    owner = placement.tree.owners[link.user]
                    groups.setdefault((owner, link.wanted), {})[link.user] = link
        for (owner, wanted), links in sorted(groups.items()):
            yield placement, placement.by_project[owner], wanted, tuple(links.values())
