"""The wheels in the caches of installers: as lines of text, and as values for JSON."""

from __future__ import annotations

from typing import Any

from trueup.interfaces.report.page import Page
from trueup.interfaces.report.words import count, listed
from trueup.judge.cachedbuild import disagreements, sdist_changes
from trueup.model.installed import Runtime
from trueup.model.metadata import Metadata, Unreadable
from trueup.model.wheelcache import CachedBuild

__all__ = ["build_lines", "build_value", "state_of"]

_SHOWN = 20


def build_lines(page: Page, builds: tuple[CachedBuild, ...], runtime: Runtime) -> list[str]:
    """A heading, and for each build what it is of, what it asks for and whether that still holds.

    Builds for other interpreters are counted, and told if the page is verbose.
    """
    here = [one for one in builds if page.verbose or one.tags & runtime.tags]
    lines = [page.paint(f"{count(len(builds), 'wheel')} built here and kept", bold=True)]
    for one in here if page.verbose else here[:_SHOWN]:
        lines += page.wrap(f"{one.filename} ({one.tool})", "  ", "      ")
        lines += page.labelled("from: ", one.source.place, indent="    ")
        wants = one.requirements
        text = "cannot be read" if wants is None else listed(wants, 8) or "nothing"
        lines += page.labelled("asks for: ", text, indent="    ")
        lines += page.labelled("now: ", state_of(one), indent="    ")
    left = len(builds) - len(here)
    more = max(len(here) - _SHOWN, 0) if not page.verbose else 0
    if more:
        lines.append(f"  … and {more:,} more: `-v` shows them")
    if left:
        lines.append(f"  {count(left, 'wheel')} for other interpreters: `-v` shows them")
    return lines


def state_of(build: CachedBuild) -> str:
    """``as its sdist says``, ``other than its sdist (Requires-Dist)``, or why that is not known."""
    if isinstance(build.metadata, Unreadable):
        return "unreadable"
    changes = [found.field for found in disagreements(build)]
    reasons = list(sdist_changes(build))
    if changes or reasons:
        fields = [f"another {', '.join(changes)}"] if changes else []
        return "; ".join([*fields, *reasons])
    own = build.source
    with_what = [own.known_by] if isinstance(own.metadata, Metadata) and own.known_by else []
    with_what += [f"`{name}`" for name, read in build.published or () if isinstance(read, Metadata)]
    if not with_what:
        return "not known: the cache has no sdist to compare with"
    return f"no difference to {listed(with_what, 4)}"


def build_value(build: CachedBuild, runtime: Runtime) -> dict[str, Any]:
    """One build as the JSON report has it."""
    source = build.source
    wants = build.requirements
    return {
        "tool": build.tool,
        "path": build.path,
        "filename": build.filename,
        "project": build.project,
        "version": build.version,
        "fits": bool(build.tags & runtime.tags),
        "requires_dist": None if wants is None else list(wants),
        "unreadable": build.metadata.reason if isinstance(build.metadata, Unreadable) else None,
        "built_from": {
            "place": source.place,
            "sha256": source.sha256,
            "now": source.now,
            "known_by": source.known_by,
        },
        "compared_with": [name for name, _ in build.published or ()],
        "differs": [
            {
                "field": found.field,
                "with": [
                    {"name": name, "only_build": list(more), "only_there": list(less)}
                    for name, more, less in found.others
                ],
            }
            for found in disagreements(build)
        ],
        "sdist_changes": list(sdist_changes(build)),
    }
