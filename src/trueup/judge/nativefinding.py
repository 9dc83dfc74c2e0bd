"""Findings about shared libraries: one for each cause, however many files and environments show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from trueup.judge.native import NativeMap, Placement
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.library import BinaryFormat, Distribution, Image, NativeFile
from trueup.model.loading import Found, Link

__all__ = [
    "bytes_words",
    "is_product",
    "is_wheel",
    "links_found",
    "loaded_apart",
    "names_words",
    "native_finding",
    "once_per_cause",
    "readable_files",
]

_SHOWN = 3

_T = TypeVar("_T")


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


def once_per_cause(
    check: Callable[[NativeMap], Iterable[Finding]],
) -> Callable[[NativeMap], Iterator[Finding]]:
    """Tell what holds in several environments, or in several wheels of a release, as one finding.

    Findings of one project and version with the same message are one; their evidence and their
    environments are put together.
    """

    def checked(native: NativeMap) -> Iterator[Finding]:
        groups: dict[tuple[object, ...], list[Finding]] = {}
        for one in check(native):
            key = (one.code, one.severity, one.project, one.version, one.message, one.hint)
            groups.setdefault(key, []).append(one)
        for members in groups.values():
            yield replace(
                members[0],
                evidence=_joined(item for one in members for item in one.evidence),
                where=_where([one.where for one in members if one.where is not None]),
            )

    return checked


def _joined(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Each saying once, with all files that say so."""
    groups: dict[tuple[tuple[str, ...], str | None], dict[str, None]] = {}
    for item in evidence:
        groups.setdefault((item.says, item.where), {}).update(dict.fromkeys(item.files))
    return tuple(
        Evidence(files=tuple(files), says=says, where=where)
        for (says, where), files in groups.items()
    )


def _where(labels: Sequence[str]) -> str | None:
    """``Linux x86_64, Python 3.11, 3.12; Windows amd64, Python 3.12``."""
    groups: dict[str, dict[str, None]] = {}
    for label in labels:
        platform, mark, python = label.partition(", Python ")
        groups.setdefault(platform + mark, {})[python] = None
    told = [head + ", ".join(filter(None, pythons)) for head, pythons in groups.items()]
    return "; ".join(told) or None


def readable_files(native: NativeMap) -> Iterator[tuple[Distribution, tuple[NativeFile, ...]]]:
    """Every distribution with its files that could be read."""
    for distribution in native.distributions:
        yield distribution, tuple(file for file in distribution.files if file.readable)


def links_found(
    native: NativeMap, *found: Found
) -> Iterator[tuple[Placement, Distribution, str, tuple[Link, ...]]]:
    """The links that end so, by environment, distribution of the user, and what was wanted."""
    for placement in native.placements:
        groups: dict[tuple[str, str], dict[str, Link]] = {}
        for closure in placement.closures:
            for link in closure.links:
                if link.found in found:
                    owner = placement.tree.owners[link.user]
                    groups.setdefault((owner, link.wanted), {})[link.user] = link
        for (owner, wanted), links in sorted(groups.items()):
            yield placement, placement.by_project[owner], wanted, tuple(links.values())


def is_wheel(distribution: Distribution) -> bool:
    """Whether it is a wheel, and not what is installed: only of a wheel is more said than is here."""
    return distribution.filename.endswith(".whl")


def names_words(names: Iterable[str]) -> str:
    """```a`, `b` and 3 more``."""
    quoted = [f"`{name}`" for name in dict.fromkeys(names)]
    if len(quoted) > _SHOWN + 1:
        return f"{', '.join(quoted[:_SHOWN])} and {len(quoted) - _SHOWN} more"
    return " and ".join(filter(None, [", ".join(quoted[:-1]), *quoted[-1:]]))


def bytes_words(size: int) -> str:
    """A size for people: ``6.1 MB``, ``930 kB``."""
    return f"{size / 1e6:,.1f} MB" if size >= 1_000_000 else f"{max(1, round(size / 1e3)):,} kB"


def loaded_apart(
    placement: Placement, sort: Callable[[NativeFile, Image], _T | None]
) -> dict[tuple[str, str], list[tuple[NativeFile, _T]]]:
    """The files of one sort, by machine and by what tells the loader one from another.

    ELF and Windows load one name once, whatever its contents; Mach-O loads each path.
    """
    found: dict[tuple[str, str], list[tuple[NativeFile, _T]]] = {}
    for _, file, image in placement.images():
        kind = sort(file, image)
        if kind is not None:
            match image.format:
                case BinaryFormat.ELF:
                    name = image.name or file.path
                case BinaryFormat.PE:
                    name = file.filename.lower()
                case BinaryFormat.MACHO:
                    name = file.path
            found.setdefault((image.machine, name), []).append((file, kind))
    return found


def is_product(distribution: Distribution) -> bool:
    """Whether its libraries are what it is for, and not for modules of its own: `nvidia-cublas`."""
    return not any(file.is_extension for file in distribution.files)
