"""A wheel was uploaded long after the first file, with other metadata.

Wheels for a new Python or platform are often added months later, from another checkout. Whoever
locked in between holds a lock that does not know them. Long is more than 14 days, after which the
public index no longer takes new files for a release.

**Before**: `greenlet-2.0.2-cp311-cp311-macosx_11_0_arm64.whl` 214 days after the sdist.

**After**: a new (post) release for the new files.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from trueup.judge.judgement import Judgement
from trueup.judge.reconcile import judged_files
from trueup.judge.rule import Rule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.metadata import Metadata, canonical_values, title

__all__ = ["RULE"]

CODE = "late-upload"
_LONG = timedelta(days=14)
_QUIET = frozenset({"metadata-version", "dynamic", "license-file"})


def _check(judgement: Judgement) -> Iterator[Finding]:
    times = [
        file.artifact.upload_time
        for file in judged_files(judgement.release)
        if file.artifact.upload_time is not None
    ]
    if len(times) < 2:
        return
    first = min(times)
    early = [
        metadata
        for file, metadata in judgement.read
        if file.artifact.upload_time and file.artifact.upload_time - first <= _LONG
    ]
    groups: dict[tuple[str, ...], list[tuple[int, str]]] = {}
    for file, metadata in judgement.read:
        uploaded = file.artifact.upload_time
        if uploaded is None or uploaded - first <= _LONG or not file.artifact.is_wheel:
            continue
        fields = _changed(metadata, early)
        if fields:
            groups.setdefault(fields, []).append(((uploaded - first).days, file.filename))
    for fields, found in groups.items():
        days = max(day for day, _ in found)
        yield judgement.finding(
            CODE,
            Severity.WARNING,
            f"uploaded up to {days} days after the first file, with other metadata: "
            + ", ".join(f"`{title(field)}`" for field in fields),
            evidence=[
                Evidence(files=(name,), where=f"{day} days later") for day, name in sorted(found)
            ],
            hint="make a new release for files that are added later",
        )


def _changed(metadata: Metadata, early: list[Metadata]) -> tuple[str, ...]:
    """The fields in which it differs from every early file, fewest first; none if one agrees."""
    best: tuple[str, ...] | None = None
    for other in early:
        names = {*metadata.fields, *other.fields, "description"} - _QUIET
        fields = tuple(
            sorted(
                name
                for name in names
                if canonical_values(metadata, name) != canonical_values(other, name)
                and not (name in ("requires-dist", "requires-python") and _same(metadata, other))
            )
        )
        if best is None or len(fields) < len(best):
            best = fields
    return best or ()


def _same(one: Metadata, other: Metadata) -> bool:
    return one.resolution == other.resolution


RULE = Rule(code=CODE, severity=Severity.WARNING, check=_check, page=__doc__)
