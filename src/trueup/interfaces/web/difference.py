"""A local build beside the public release of the same version: what its metadata say otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from trueup.model.finding import ReleaseReport

__all__ = ["Difference", "difference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The values of a field that only the channel's files have, and only the public ones."""

    name: str
    here: tuple[str, ...]
    public: tuple[str, ...]


def difference(ours: ReleaseReport, theirs: ReleaseReport) -> tuple[Difference, ...]:
    """The fields in which two judgements of one version differ, by name."""
    here, public = _values(ours), _values(theirs)
    nothing: frozenset[str] = frozenset()
    found = (
        Difference(
            name=name,
            here=tuple(sorted(here.get(name, nothing) - public.get(name, nothing))),
            public=tuple(sorted(public.get(name, nothing) - here.get(name, nothing))),
        )
        for name in sorted({*here, *public})
    )
    return tuple(one for one in found if one.here or one.public)


def _values(report: ReleaseReport) -> dict[str, frozenset[str]]:
    return {
        field.field: frozenset(value for variant in field.variants for value in variant.values)
        for field in report.fields
    }
