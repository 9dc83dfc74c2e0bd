"""The verdict on each field of an sdist, from the metadata that building it several times gave.

Here a difference is proof: the metadata was built from this sdist, and nobody repaired it since.
What was only simulated proves nothing about a promise; it shows with what a field varies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trueup.judge.promise import EXEMPT, compared_fields, equal_everywhere, knows, relation
from trueup.model.artifact import Artifact, parse_filename
from trueup.model.declaration import Declaration
from trueup.model.finding import Case
from trueup.model.metadata import (
    RESOLUTION_FIELDS,
    Metadata,
    Unreadable,
    canonical_values,
)
from trueup.model.proof import (
    Beginning,
    Cause,
    Comparison,
    Difference,
    FieldProof,
    Run,
    Saying,
    Standing,
)
from trueup.model.release import How, Reading, ReleaseFile

__all__ = ["NOTHING", "compare_published", "judge_fields", "may_add", "unsettled"]

NOTHING = "nothing"
"""The cause where identical runs differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What one run says of one field: by meaning, and as written."""

    run: Run
    metadata: Metadata
    meaning: frozenset[str]
    written: tuple[str, ...]


def judge_fields(
    beginning: Beginning, runs: Sequence[Run], declaration: Declaration | None
) -> tuple[FieldProof, ...]:
    """The verdict on every field that stands in PKG-INFO or in something that was built."""
    built = [run for run in runs if isinstance(run.metadata, Metadata)]
    fields: set[str] = set()
    for run in built:
        assert isinstance(run.metadata, Metadata)
        pkg_info = beginning.pkg_info
        promised = run.metadata if isinstance(pkg_info, Unreadable) else pkg_info
        fields.update(compared_fields(promised, run.metadata))
    order = [name for name in RESOLUTION_FIELDS if name in fields]
    order += sorted(fields - EXEMPT - set(order))
    return tuple(
        _judge(beginning, [run for run in built if _knows(run.metadata, field)], field, declaration)
        for field in order
    )


def _knows(metadata: Metadata | Unreadable, field: str) -> bool:
    return isinstance(metadata, Metadata) and knows(metadata, field)


def unsettled(runs: Sequence[Run]) -> tuple[str, ...]:
    """The labels of changed conditions under which some field differs from the baseline.

    Each is to be run once more, and so is the baseline: what differs may be due to nothing at all.
    """
    built = [run for run in runs if isinstance(run.metadata, Metadata)]
    if not built:
        return ()
    fields = {
        name
        for run in built
        if isinstance(run.metadata, Metadata)
        for name in compared_fields(run.metadata, run.metadata)
    }
    labels = (
        run.condition.label
        for run in built
        if run.condition.changes
        and any(
            not _same(_said(built[0], field), _said(run, field), field)
            for field in fields
            if _knows(built[0].metadata, field) and _knows(run.metadata, field)
        )
    )
    return tuple(dict.fromkeys(labels))


def may_add(beginning: Beginning, runs: Iterable[Run]) -> tuple[str, ...]:
    """Every requirement that some run has and PKG-INFO does not: what the sdist may add."""
    before = _requirements(beginning.pkg_info) or frozenset()
    found: set[str] = set()
    for run in runs:
        found |= (_requirements(run.metadata) or frozenset()) - before
    return tuple(sorted(found))


def compare_published(runs: Sequence[Run], wheels: Sequence[ReleaseFile]) -> tuple[Comparison, ...]:
    """For each published wheel, the run that is nearest to it and what still differs."""
    return tuple(_compare(runs, wheel) for wheel in wheels)


def _compare(runs: Sequence[Run], wheel: ReleaseFile) -> Comparison:
    published = wheel.reading.metadata
    if isinstance(published, Unreadable):
        return Comparison(filename=wheel.filename, label="", unread=published.reason)
    candidates = [
        (_differences(run.metadata, published), run.condition.label)
        for run in runs
        if isinstance(run.metadata, Metadata)
    ]
    if not candidates:
        return Comparison(filename=wheel.filename, label="", unread="nothing could be built")
    differences, label = min(candidates, key=lambda one: _weight(one[0]))
    return Comparison(filename=wheel.filename, label=label, differences=differences)


def _weight(differences: Sequence[Difference]) -> tuple[int, int]:
    """Resolution fields first: a description is of no weight beside a requirement."""
    heavy = sum(
        len(one.added) + len(one.missing) for one in differences if one.field in RESOLUTION_FIELDS
    )
    return heavy, len(differences)


def _differences(built: Metadata, published: Metadata) -> tuple[Difference, ...]:
    found = []
    for field in compared_fields(built, published):
        before, after = _meaning(built, field), _meaning(published, field)
        if before != after and not _equal(built, published, field):
            found.append(
                Difference(
                    field=field,
                    added=tuple(sorted(after - before)),
                    missing=tuple(sorted(before - after)),
                )
            )
    return tuple(found)


# --- one field ----------------------------------------------------------------------------------


def _judge(
    beginning: Beginning, built: Sequence[Run], field: str, declaration: Declaration | None
) -> FieldProof:
    said = [_said(run, field) for run in built]
    case, broken = _promise(beginning, said, field)
    beyond = _beyond(beginning, said, declaration) if field == "requires-dist" else ()
    causes = _causes(said, field)
    respelled = tuple(
        dict.fromkeys(
            one.run.condition.label
            for one in said[1:]
            if not causes and one.written != said[0].written and _same(said[0], one, field)
        )
    )
    allowed = field == "requires-dist" and declaration is not None and bool(declaration.may_add)
    standing = Standing.REPRODUCIBLE
    if causes:
        standing = Standing.DECLARED if allowed else Standing.VARIES
        if allowed and any(saying.missing for saying in _from_pkg_info(beginning, said, field)):
            standing = Standing.VARIES
    if beyond:
        standing = Standing.BEYOND
    if broken:
        standing = Standing.BROKEN
    return FieldProof(
        field=field,
        case=case,
        standing=standing,
        causes=causes,
        broken=broken,
        beyond=beyond,
        respelled=respelled,
    )


def _promise(
    beginning: Beginning, said: Sequence[_Said], field: str
) -> tuple[Case, tuple[Saying, ...]]:
    """The sdist's promise about the field, and the runs whose metadata breaks it."""
    sdist = _file(beginning.filename, beginning.pkg_info)
    case = Case.LEGACY
    if not _knows(beginning.pkg_info, field):
        return case, ()
    broken: dict[tuple[tuple[str, ...], tuple[str, ...]], Saying] = {}
    for one in said:
        kept = relation(sdist, _file("built.whl", one.metadata), field)
        case = kept.case
        if kept.kept is False and not one.run.condition.simulated:
            # Runs that break it in the same way are one breach.
            broken.setdefault(
                (kept.added, kept.missing),
                Saying(label=one.run.condition.label, added=kept.added, missing=kept.missing),
            )
    return case, tuple(broken.values())


def _beyond(
    beginning: Beginning, said: Sequence[_Said], declaration: Declaration | None
) -> tuple[str, ...]:
    if declaration is None or not declaration.may_add:
        return ()
    allowed = {str(one) for one in declaration.may_add}
    allowed |= _requirements(beginning.pkg_info) or frozenset()
    return tuple(sorted({item for one in said for item in one.meaning - allowed}))


def _from_pkg_info(beginning: Beginning, said: Sequence[_Said], field: str) -> list[Saying]:
    if isinstance(beginning.pkg_info, Unreadable):
        return []
    before = _meaning(beginning.pkg_info, field)
    return [_saying(before, one) for one in said]


def _causes(said: Sequence[_Said], field: str) -> tuple[Cause, ...]:
    """With what the field varies; if identical runs differ, that is the one cause there is."""
    if not said:
        return ()
    first = said[0]
    by_label: dict[str, list[_Said]] = {}
    for one in said:
        label = one.run.condition.label if one.run.condition.changes else "baseline"
        by_label.setdefault(label, []).append(one)
    unstable = [
        one
        for ones in by_label.values()
        for one in ones[1:]
        if not _same(ones[0], one, field) and not one.run.condition.simulated
    ]
    if unstable:
        differing = [one for one in said if not _same(first, one, field)]
        sayings = dict.fromkeys(_saying(first.meaning, one) for one in differing)
        return (Cause(name=NOTHING, sayings=tuple(sayings)),)
    causes: dict[str, list[_Said]] = {}
    for ones in by_label.values():
        if ones[0].run.condition.changes and not _same(first, ones[0], field):
            causes.setdefault(ones[0].run.condition.name, []).append(ones[0])
    return tuple(
        Cause(
            name=name,
            sayings=tuple(_saying(first.meaning, one) for one in ones),
            simulated=all(one.run.condition.simulated for one in ones),
        )
        for name, ones in causes.items()
    )


# --- what is said -------------------------------------------------------------------------------


def _said(run: Run, field: str) -> _Said:
    assert isinstance(run.metadata, Metadata)
    return _Said(
        run=run,
        metadata=run.metadata,
        meaning=_meaning(run.metadata, field),
        written=run.metadata.fields.get(field, ()),
    )


def _meaning(metadata: Metadata, field: str) -> frozenset[str]:
    resolution = metadata.resolution
    if not isinstance(resolution, Unreadable):
        if field == "requires-dist":
            return frozenset(map(str, resolution.requires_dist))
        if field == "requires-python":
            python = resolution.requires_python
            return frozenset() if python is None else frozenset({str(python)})
    if field == "description":
        # The text itself is of no use in a report, and may have megabytes.
        return frozenset(f"a text with sha256 {_digest(text)}…" for text in _texts(metadata))
    return canonical_values(metadata, field)


def _texts(metadata: Metadata) -> frozenset[str]:
    return canonical_values(metadata, "description")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _same(first: _Said, second: _Said, field: str) -> bool:
    return first.meaning == second.meaning or _equal(first.metadata, second.metadata, field)


def _equal(first: Metadata, second: Metadata, field: str) -> bool:
    """Whether two lists of requirements that are written differently mean the same everywhere."""
    one, two = first.resolution, second.resolution
    if isinstance(one, Unreadable) or isinstance(two, Unreadable) or field != "requires-dist":
        return False
    return equal_everywhere(one.requires_dist, two.requires_dist) is True


def _saying(before: frozenset[str], one: _Said) -> Saying:
    return Saying(
        label=one.run.condition.label,
        added=tuple(sorted(one.meaning - before)),
        missing=tuple(sorted(before - one.meaning)),
    )


def _requirements(metadata: Metadata | Unreadable) -> frozenset[str] | None:
    if isinstance(metadata, Unreadable) or isinstance(metadata.resolution, Unreadable):
        return None
    return frozenset(map(str, metadata.resolution.requires_dist))


def _file(filename: str, metadata: Metadata | Unreadable) -> ReleaseFile:
    return ReleaseFile(
        artifact=Artifact(filename=filename, url=filename, name=parse_filename(filename)),
        reading=Reading(metadata=metadata, how=How.FILE),
    )
