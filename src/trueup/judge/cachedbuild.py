"""Whether a wheel in an installer's cache still is what its sdist and its release say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trueup.judge.installed import InstalledJudgement
from trueup.model.metadata import Metadata, Resolution, Unreadable, title
from trueup.model.wheelcache import CachedBuild

__all__ = ["CacheJudgement", "Disagreement", "disagreements", "sdist_changes"]

_FIELDS = ("requires-dist", "requires-python", "provides-extra")
_FIRST_WITH_DYNAMIC = (2, 2)


@dataclass(frozen=True, kw_only=True)
class CacheJudgement(InstalledJudgement):
    """An environment, and the builds that an installer would take for it without asking."""

    builds: tuple[CachedBuild, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A field in which a build and something else differ: what each says, the build first.

    ``others`` are names, each with the values that only the build has, and that only the other has.
    """

    field: str
    others: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]


def disagreements(build: CachedBuild) -> Iterator[Disagreement]:
    """The resolution fields in which a build differs from its sdist or from published files.

    An sdist counts for what it promises: fields that are static in it (PEP 643).
    """
    ours = _resolution(build.metadata)
    if ours is None:
        return
    for field in _FIELDS:
        others = []
        for name, metadata, is_sdist in _compared(build):
            theirs = _resolution(metadata)
            if theirs is None or (is_sdist and not _is_static(metadata, field)):
                continue
            mine, said = _said(ours, field), _said(theirs, field)
            if mine != said:
                others.append((name, tuple(sorted(mine - said)), tuple(sorted(said - mine))))
        if others:
            yield Disagreement(field=title(field), others=tuple(others))


def sdist_changes(build: CachedBuild) -> Iterator[str]:
    """Why the sdist that it was built from is not the one that a build would start from now."""
    source = build.source
    if source.sha256 is None:
        return
    if source.now is not None and source.now != source.sha256:
        yield f"`{source.place}` is another file now"
    known = dict(build.published_sdists or ())
    if known and source.sha256 not in known.values():
        yield f"`{next(iter(known))}` is published with another content"


def _compared(build: CachedBuild) -> Iterator[tuple[str, Metadata, bool]]:
    own = build.source.metadata
    if isinstance(own, Metadata):
        yield "its sdist", own, True
    for name, metadata in build.published or ():
        if isinstance(metadata, Metadata):
            yield name, metadata, not name.endswith(".whl")


def _resolution(metadata: Metadata | Unreadable) -> Resolution | None:
    if isinstance(metadata, Unreadable) or isinstance(metadata.resolution, Unreadable):
        return None
    return metadata.resolution


def _is_static(metadata: Metadata, field: str) -> bool:
    return metadata.metadata_version >= _FIRST_WITH_DYNAMIC and field not in metadata.dynamic


def _said(resolution: Resolution, field: str) -> frozenset[str]:
    if field == "requires-dist":
        return frozenset(map(str, resolution.requires_dist))
    if field == "requires-python":
        specifier = resolution.requires_python
        return frozenset() if specifier is None else frozenset({str(specifier)})
    return frozenset(resolution.provides_extra)
