"""What an sdist promises about the wheels built from it (PEP 643, PEP 808), field by field.

Between published files a difference is a finding, never a violation: the wheel may not come from
that sdist, or was repaired after the build.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from trueup.judge.effective import by_project, contexts, differing_lines, partition
from trueup.model.axes import build_space
from trueup.model.errors import SpaceTooLargeError
from trueup.model.finding import Case
from trueup.model.metadata import (
    COMMA_FIELDS,
    MULTIPLE_USE,
    Metadata,
    Resolution,
    Unreadable,
    canonical_values,
)
from trueup.model.release import ReleaseFile
from trueup.model.requirement import Requirement, version_range
from trueup.model.space import Space

__all__ = [
    "EXEMPT",
    "Relation",
    "case_of",
    "compared_fields",
    "equal_everywhere",
    "equal_within",
    "is_subsequence",
    "knows",
    "relation",
]

EXEMPT = frozenset({"metadata-version", "dynamic", "license", "license-expression", "license-file"})
"""Exempt from the promise: licences may differ per archive (PEP 639, clarified in 2025)."""

_SINCE = {"import-name": (2, 5), "import-namespace": (2, 5)}
"""Fields that an older file cannot have (PEP 794): its silence about them says nothing."""
_FIRST_WITH_DYNAMIC = (2, 2)
_FIRST_APPEND_ONLY = (2, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """How one field of a wheel relates to the sdist's promise.

    ``kept`` is None where nothing is promised or something is unread. ``added`` and ``missing`` are
    the wheel's items over the sdist's, as text.
    """

    field: str
    case: Case
    kept: bool | None
    added: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def case_of(sdists: Sequence[ReleaseFile], wheels: Sequence[ReleaseFile], field: str) -> Case:
    """The weakest promise that the sdists make about a field; unread sdists promise nothing."""
    if not sdists:
        versions = [_version(wheel) for wheel in wheels]
        old = any(version is None or version < _FIRST_WITH_DYNAMIC for version in versions)
        return Case.LEGACY if old else Case.NO_SDIST
    order = list(_STRENGTH)
    return max((_case(sdist, field) for sdist in sdists), key=order.index)


_STRENGTH = (Case.STATIC, Case.APPEND_ONLY, Case.DYNAMIC, Case.LEGACY)


def _version(file: ReleaseFile) -> tuple[int, int] | None:
    metadata = file.reading.metadata
    return None if isinstance(metadata, Unreadable) else metadata.metadata_version


def _case(sdist: ReleaseFile, field: str) -> Case:
    metadata = sdist.reading.metadata
    if isinstance(metadata, Unreadable) or metadata.metadata_version < _FIRST_WITH_DYNAMIC:
        return Case.LEGACY
    if field not in metadata.dynamic:
        return Case.STATIC
    if metadata.metadata_version >= _FIRST_APPEND_ONLY and field in MULTIPLE_USE | COMMA_FIELDS:
        return Case.APPEND_ONLY
    return Case.DYNAMIC


def compared_fields(sdist: Metadata, wheel: Metadata) -> tuple[str, ...]:
    """The fields that stand in either and that the promise speaks about."""
    names = {*sdist.fields, *wheel.fields} - EXEMPT
    if sdist.body or wheel.body:
        names.add("description")
    return tuple(sorted(names))


def knows(metadata: Metadata, field: str) -> bool:
    """Whether a file of this `Metadata-Version` could have the field at all."""
    return metadata.metadata_version >= _SINCE.get(field, (0, 0))


def relation(sdist: ReleaseFile, wheel: ReleaseFile, field: str) -> Relation:
    """Whether one wheel keeps one sdist's promise about one field."""
    case = _case(sdist, field)
    theirs, ours = sdist.reading.metadata, wheel.reading.metadata
    if isinstance(theirs, Unreadable) or isinstance(ours, Unreadable) or case is Case.LEGACY:
        return Relation(field=field, case=case, kept=None)
    if not (knows(theirs, field) and knows(ours, field)):
        return Relation(field=field, case=case, kept=None)
    if field in ("requires-dist", "requires-python"):
        return _resolution_relation(case, theirs, ours, field)
    before, after = canonical_values(theirs, field), canonical_values(ours, field)
    added, missing = tuple(sorted(after - before)), tuple(sorted(before - after))
    if case is Case.DYNAMIC:
        kept: bool | None = None
    elif case is Case.APPEND_ONLY:
        kept = is_subsequence(_ordered(theirs, field), _ordered(ours, field))
    else:
        kept = before == after
    return Relation(field=field, case=case, kept=kept, added=added, missing=missing)


def _ordered(metadata: Metadata, field: str) -> list[str]:
    """A field's items in their order, by meaning."""
    values = metadata.fields.get(field, ())
    if field in COMMA_FIELDS:
        values = tuple(part for value in values for part in value.split(","))
    if field == "provides-extra":
        values = tuple(canonicalize_name(value) for value in values)
    return [item for value in values if (item := value.strip()) and item != "UNKNOWN"]


def _resolution_relation(case: Case, theirs: Metadata, ours: Metadata, field: str) -> Relation:
    before, after = theirs.resolution, ours.resolution
    if isinstance(before, Unreadable) or isinstance(after, Unreadable):
        return Relation(field=field, case=case, kept=None)
    if field == "requires-python":
        same = _same_range(before, after)
        texts = [
            () if resolution.requires_python is None else (str(resolution.requires_python),)
            for resolution in (before, after)
        ]
        kept = None if case is Case.DYNAMIC else same
        return Relation(
            field=field,
            case=case,
            kept=kept,
            added=() if same else texts[1],
            missing=() if same else texts[0],
        )
    added = tuple(sorted(map(str, after.requires_dist - before.requires_dist)))
    missing = tuple(sorted(map(str, before.requires_dist - after.requires_dist)))
    if case is Case.DYNAMIC:
        return Relation(field=field, case=case, kept=None, added=added, missing=missing)
    if case is Case.APPEND_ONLY:
        grown = is_subsequence(_requirements(theirs), _requirements(ours))
        return Relation(field=field, case=case, kept=grown, added=added, missing=missing)
    equal = equal_everywhere(before.requires_dist, after.requires_dist)
    if equal:
        return Relation(field=field, case=case, kept=True)
    return Relation(field=field, case=case, kept=equal, added=added, missing=missing)


def _same_range(before: Resolution, after: Resolution) -> bool:
    first, second = before.requires_python, after.requires_python
    if first is None or second is None:
        return (first or None) == (second or None)
    return version_range(first) == version_range(second)


def _requirements(metadata: Metadata) -> list[str]:
    """The requirements in the order of the file, normalised."""
    resolution = metadata.resolution
    assert not isinstance(resolution, Unreadable)
    texts = {line.text: str(line) for line in resolution.requires_dist}
    return [texts[text] for text in metadata.fields.get("requires-dist", ()) if text in texts]


def is_subsequence(static: Iterable[str], full: Iterable[str]) -> bool:
    """Whether the static items all stand in the full list, in their order (PEP 808)."""
    rest = iter(full)
    return all(item in rest for item in static)


def equal_everywhere(first: frozenset[Requirement], second: frozenset[Requirement]) -> bool | None:
    """Whether two lists of requirements have the same effective dependencies at all points.

    None if that would take too large a space to decide.
    """
    if first == second:
        return True
    one, two = (
        Resolution(requires_dist=lines, requires_python=None, provides_extra=frozenset())
        for lines in (first, second)
    )
    markers = {
        line.marker
        for variants in differing_lines([one, two]).values()
        for lines in variants
        for line in lines
        if line.marker
    }
    try:
        space = build_space(markers=markers)
        return equal_within(space, space.universe, one, two)
    except SpaceTooLargeError:
        return None


def equal_within(
    space: Space,
    points: int,
    first: Resolution,
    second: Resolution,
    *,
    extras: Collection[str | None] | None = None,
) -> bool:
    """Whether two lists of requirements have the same effective dependencies at these points.

    ``extras`` limits that to the base package (None) and some extras; all of them count otherwise.
    """
    tables = [by_project(resolution.requires_dist) for resolution in (first, second)]
    for project, variants in differing_lines([first, second]).items():
        for extra in contexts(line for lines in variants for line in lines):
            if extras is not None and extra not in extras:
                continue
            one, two = (
                partition(space, table.get(project, frozenset()), extra, points) for table in tables
            )
            if one != two:
                return False
    return True
