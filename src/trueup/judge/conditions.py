"""Writes when an entry is installed: a marker over environments, and the options that lead to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from trueup.judge.synthesis import Synthesizer
from trueup.model.condition import Condition, Option, OptionKind, Selection, parse_condition
from trueup.model.errors import TrueupError
from trueup.model.space import Space, union

__all__ = ["Conditions"]

_VARIABLE = {OptionKind.EXTRA: "extras", OptionKind.GROUP: "dependency_groups"}

Live = Mapping[int, Mapping[Option | None, int]]
"""By the number of the fork and the option (None: always): the points where an entry is live."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """``relevant`` are the points that the lock speaks for; ``forks`` the ways to choose among
    options that exclude each other, as (chosen, refused).
    """

    space: Space
    relevant: int
    forks: Sequence[tuple[Selection, Selection]]

    def of(self, live: Live) -> Condition:
        """The condition that holds exactly there, on the points that the lock speaks for.

        Raises TrueupError if no marker can say it, which would be a mistake of the caller.
        """
        texts = {number: self._within(number, table) for number, table in live.items()}
        if len(set(texts.values())) == 1 and len(texts) == len(self.forks):
            return parse_condition(next(iter(texts.values())))
        alternatives = []
        for number, text in texts.items():
            fork = self._fork(number)
            alternatives.append(" and ".join(part for part in (fork, _enclosed(text)) if part))
        return parse_condition(" or ".join(alternatives))

    def _within(self, number: int, table: Mapping[Option | None, int]) -> str:
        """The condition in one fork: by environment alone, or with an option."""
        # What a fork has chosen needs no asking within it.
        given = {None, *self.forks[number][0]}
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
            else Synthesizer(space=self.space, relevant=relevant).marker(points)
        )
        if text is None:
            raise TrueupError("no marker describes where an entry is installed")
        return text

    @cached_property
    def _synthesizer(self) -> Synthesizer:
        return Synthesizer(space=self.space, relevant=self.relevant)

    def _fork(self, number: int) -> str:
        chosen, refused = self.forks[number]
        asks = [_asks(option) for option in sorted(chosen, key=_key)]
        if not chosen:
            asks += [_asks(option, "not in") for option in sorted(refused, key=_key)]
        return " and ".join(asks)


def _key(option: Option) -> tuple[str, str, str]:
    return option.sort_key


def _asks(option: Option, operator: str = "in") -> str:
    name = f"{option.project}:{option.name}" if option.project else option.name
    return f"'{name}' {operator} {_VARIABLE[option.kind]}"


def _enclosed(text: str) -> str:
    return f"({text})" if " or " in text else text
