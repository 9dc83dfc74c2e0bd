"""Writes when an entry is installed: a marker over environments, and the options that lead to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from packaging.markers import Marker as PackagingMarker

from trueup.judge.synthesis import Synthesizer
from trueup.model.condition import Condition, Option, OptionKind, Selection, parse_condition
from trueup.model.errors import TrueupError
from trueup.model.marker import Atom, parse_marker
from trueup.model.space import Space, union

__all__ = ["Choice", "Conditions"]

_VARIABLE = {OptionKind.EXTRA: "extras", OptionKind.GROUP: "dependency_groups"}

Numbers = tuple[int, ...]
"""A way to choose: the number of a choice for each set of options that conflicts tie together."""

Live = Mapping[Numbers, Mapping[Option | None, int]]
"""By the way to choose and the option (None: always): the points where an entry is live."""

Term = tuple[int | None, ...]
"""Some ways to choose: those with these numbers, whatever the others (None) are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is chosen of options that exclude each other, and what could be ``besides`` but is not."""

    chosen: Selection
    besides: Selection


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """``relevant`` are the points that the lock speaks for; ``choices`` what can be chosen of each
    set of options that conflicts tie together.
    """

    space: Space
    relevant: int
    choices: Sequence[Sequence[Choice]]

    def of(self, live: Live) -> Condition:
        """The condition that holds exactly there, on the points that the lock speaks for.

        Raises TrueupError if no marker can say it, which would be a mistake of the caller.
        """
        by_text: dict[str, list[Numbers]] = {}
        for numbers in sorted(live):
            by_text.setdefault(self._within(numbers, live[numbers]), []).append(numbers)
        alternatives = []
        for text, ways in by_text.items():
            for term in self._terms(ways):
                parts = (*self._asked(term), _enclosed(text))
                alternatives.append(" and ".join(part for part in parts if part))
        return parse_condition("" if "" in alternatives else " or ".join(alternatives))

    def _terms(self, ways: Sequence[Numbers]) -> list[Term]:
        """A few terms that stand for these ways and for no others."""
        found: dict[Term, frozenset[Numbers]] = {way: frozenset([way]) for way in ways}
        for position, choices in enumerate(self.choices):
            groups: dict[tuple[Term, Term], list[frozenset[Numbers]]] = {}
            for term, covered in found.items():
                around = (term[:position], term[position + 1 :])
                groups.setdefault(around, []).append(covered)
            for (before, after), members in groups.items():
                if len(members) == len(choices):
                    found[*before, None, *after] = frozenset[Numbers]().union(*members)
        kept: list[Term] = []
        left = set(ways)
        for term in sorted(found, key=lambda term: -term.count(None)):  # stable: as they were found
            if found[term] & left:
                kept.append(term)
                left -= found[term]
        return kept

    def _asked(self, term: Term) -> Iterator[str]:
        """What has to be chosen, and not, for the ways of a term."""
        for choices, number in zip(self.choices, term, strict=True):
            if number is not None:
                choice = choices[number]
                yield from (_asks(option) for option in sorted(choice.chosen, key=_key))
                yield from (_asks(option, "not in") for option in sorted(choice.besides, key=_key))

    def _within(self, numbers: Numbers, table: Mapping[Option | None, int]) -> str:
        """The condition for one way to choose: by environment alone, or with an option."""
        # What a choice has chosen needs no asking within it.
        given: set[Option | None] = {None}
        for choices, number in zip(self.choices, numbers, strict=True):
            given |= choices[number].chosen
        always = union(points for option, points in table.items() if option in given)
        by_points: dict[int, list[Option]] = {}
        for option, points in table.items():
            left = points & ~always
            if option is not None and left:
                by_points.setdefault(left, []).append(option)
        texts = [self.marker(always)] if always else []
        if always and texts == [""]:
            return ""
        for points, options in by_points.items():
            names = " or ".join(_asks(one) for one in sorted(options, key=_key))
            marker = self.marker(points, always)
            parts = (_enclosed(names), _enclosed(marker))
            texts.append(" and ".join(part for part in parts if part))
        return " or ".join(texts)

    def marker(self, points: int, besides: int = 0) -> str:
        """A marker for these points; where ``besides`` holds already it does not matter."""
        relevant = self.relevant & ~besides
        text = (
            self._synthesizer.marker(points)
            if not besides
            else Synthesizer(space=self.space, relevant=relevant, free=self._free).marker(points)
        )
        if text is None:
            # `platform_release < "5"` is not the opposite of `>=`: neither holds for what is no
            # version, such as the release of most Linux kernels.
            names = " and ".join(f"`{axis.variable}`" for axis in self.space.free)
            raise TrueupError(
                "no marker describes where an entry is installed",
                hint=f"files compare {names}, and what they ask for where that does not hold "
                "cannot be said; constrain the version, or override that requirement"
                if names
                else None,
            )
        return text

    @cached_property
    def _synthesizer(self) -> Synthesizer:
        return Synthesizer(space=self.space, relevant=self.relevant, free=self._free)

    @cached_property
    def _free(self) -> tuple[Atom, ...]:
        """The comparisons of free-form variables that the space was cut by."""
        if not self.space.free:
            return ()
        markers = (parse_marker(PackagingMarker(text)) for text in sorted(self.space.cut))
        return tuple(atom for marker in markers for atom in marker.atoms())


def _key(option: Option) -> tuple[str, str, str]:
    return option.sort_key


def _asks(option: Option, operator: str = "in") -> str:
    name = f"{option.project}:{option.name}" if option.project else option.name
    return f"'{name}' {operator} {_VARIABLE[option.kind]}"


def _enclosed(text: str) -> str:
    return f"({text})" if " or " in text else text
