"""Evidence by region: which wheels say what, and where installers choose them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from trueup.judge.reconcile import Classification
from trueup.judge.region import describe
from trueup.model.finding import Evidence
from trueup.model.space import union

__all__ = ["by_region", "region_of"]


def region_of(classification: Classification, members: Iterable[int]) -> str:
    """Where one of these wheels is chosen, in words; ``everywhere`` if that is where any is."""
    everywhere = union(classification.choice.chosen)
    return describe(classification.space, classification.chosen(members), everywhere)


def by_region(
    classification: Classification, said: Mapping[tuple[str, ...], Sequence[int]]
) -> Iterator[Evidence]:
    """One piece of evidence for what is said by the same wheels (numbers), in the given order."""
    for says, members in said.items():
        yield Evidence(
            files=tuple(classification.wheels[n].filename for n in members),
            says=says,
            where=region_of(classification, members),
        )
