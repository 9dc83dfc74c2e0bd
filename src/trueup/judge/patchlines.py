"""The operations of a ledger on the lines of `Requires-Dist`.

Every operation looks at what upstream wrote, never at what another operation made of it. So the
order of patches does not matter, and two operations that would disagree are an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from packaging.utils import NormalizedName, canonicalize_name

from trueup.judge.bounds import RequirementText, set_bound, split_marker, without_bound
from trueup.judge.extras import marker_text, without_extra
from trueup.model.marker import Or
from trueup.model.patch import Effect, Outcome, RequirementOperation, Selector, Verb
from trueup.model.requirement import Requirement, parse_requirement

__all__ = ["Lines"]

_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")
_PARTS = {
    Verb.DROP_UPPER: "upper bound",
    Verb.SET_UPPER: "upper bound",
    Verb.DROP_PREEMPTIVE: "upper bound",
    Verb.DROP_LOWER: "lower bound",
    Verb.SET_LOWER: "lower bound",
    Verb.SET_MARKER: "marker",
    Verb.MOVE_TO_EXTRA: "marker",
    Verb.REPLACE: "whole",
    Verb.REMOVE: "whole",
}
"""Which part of a line an operation changes; one part is changed by one operation."""


Claim = tuple[int, str]
"""The number of a patch, and its operation in words."""


@dataclass(slots=True)
class _Line:
    """One line: upstream's text, what it means (None: unreadable), and what becomes of it."""

    origin: str
    name: NormalizedName | None
    requirement: Requirement | None
    text: str | None
    changed_by: dict[str, Claim] = field(default_factory=dict)

    def matches(self, selector: Selector) -> bool:
        if self.name != selector.project:
            return False
        if selector.extras is None and selector.marker is None:
            return True
        requirement = self.requirement
        return (
            requirement is not None
            and (selector.extras is None or requirement.extras == selector.extras)
            and (selector.marker is None or str(requirement.marker or "") == selector.marker)
        )


_Edit = Callable[[_Line, str], str | None]
"""A line and its text as it is now; what it becomes, None if it goes."""


class _ImpossibleError(Exception):
    """What an operation asks for cannot be done to one line; the reason is its text."""


class Lines:
    """The requirements of one artifact while a ledger is applied to them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._lines = [_line(text) for text in texts]
        self._added: set[str] = set()
        self.faults: list[str] = []

    @property
    def texts(self) -> tuple[str, ...]:
        """All lines as they are now; what was added comes last, in alphabetical order."""
        kept: list[str] = []
        for line in self._lines:
            # Two lines of upstream that became one are written once.
            if line.text is not None and (line.text == line.origin or line.text not in kept):
                kept.append(line.text)
        return (*kept, *sorted(self._added))

    @property
    def new_extras(self) -> frozenset[NormalizedName]:
        """The extras that lines name which upstream did not write so."""
        changed = [line.text for line in self._lines if line.text and line.text != line.origin]
        return frozenset(
            extra for text in (*changed, *self._added) for extra in _extras(parse_requirement(text))
        )

    def of(self, project: NormalizedName) -> tuple[str, ...]:
        """What upstream wrote for one project."""
        return tuple(line.origin for line in self._lines if line.name == project)

    def apply(
        self, number: int, operation: RequirementOperation, preemptive: Collection[NormalizedName]
    ) -> Effect:
        """Do one operation of patch ``number``; ``preemptive`` is what upstream names so."""
        match operation.verb:
            case Verb.ADD:
                return self._add(number, operation)
            case Verb.REMOVE:
                return self._each(number, operation, lambda line, text: None, Outcome.ALREADY)
            case Verb.REPLACE:
                return self._replace(number, operation)
            case Verb.SET_MARKER:
                return self._set_marker(number, operation)
            case Verb.MOVE_TO_EXTRA:
                return self._move(number, operation)
            case Verb.DROP_PREEMPTIVE:
                return self._drop_preemptive(number, operation, preemptive)
            case Verb.DROP_UPPER | Verb.SET_UPPER:
                return self._each(number, operation, _bounded(operation.value, upper=True))
            case Verb.DROP_LOWER | Verb.SET_LOWER:
                return self._each(number, operation, _bounded(operation.value, upper=False))

    def contradictions(self) -> dict[Claim, str]:
        """The operations whose bounds together leave no version, and why; they are taken back."""
        found: dict[Claim, str] = {}
        for line in self._lines:
            before, after = RequirementText.of(line.origin), RequirementText.of(line.text or "x")
            claims = [line.changed_by.get(f"{side} bound") for side in ("lower", "upper")]
            if before is None or after is None or not any(claims) or after.compares_text:
                continue
            if after.unsatisfiable and not before.unsatisfiable:
                reason = f"`{line.origin}` would become `{after}`, which no version satisfies"
                found |= {claim: reason for claim in claims if claim is not None}
                bare, marker = split_marker(line.origin)[0], split_marker(line.text or "")[1]
                line.text = _under(bare, marker)
        return found

    def drop_extra(self, extra: NormalizedName) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Take an extra out of all markers; lines that held only with it go. Before and after."""
        before, after = [], []
        for line in self._lines:
            if line.text is None or line.requirement is None or line.requirement.marker is None:
                continue
            marker = line.requirement.marker
            if extra not in {canonicalize_name(name) for name in marker.extras}:
                continue
            left = without_extra(marker.tree, extra)
            before.append(line.origin)
            line.text = None if left is False else _under(line.text, marker_text(left))
            after += [] if line.text is None else [line.text]
        return tuple(before), tuple(after)

    def _each(
        self,
        number: int,
        operation: RequirementOperation,
        edit: _Edit,
        unmatched: Outcome = Outcome.NO_MATCH,
        among: Sequence[_Line] | None = None,
    ) -> Effect:
        """Let ``edit`` say what becomes of each line that the operation means (None: it goes).

        Whether it changes a line is decided by what upstream wrote; then the change is made to what
        other operations left of it.
        """
        if among is None:
            assert operation.selector is not None
            selector = operation.selector
            among = [line for line in self._lines if line.matches(selector)]
        before, after, reasons = list[str](), list[str](), list[str]()
        for line in among:
            try:
                text = edit(line, line.origin)
            except _ImpossibleError as error:
                reasons.append(f"`{line.origin}` {error}")
                continue
            if text == line.origin:
                continue
            self._claim(line, number, operation)
            before.append(line.origin)
            after += [] if text is None else [text]
            if line.text is not None:
                line.text = edit(line, line.text)
        outcome = unmatched
        if reasons:
            outcome = Outcome.IMPOSSIBLE
        elif before:
            outcome = Outcome.CHANGED
        elif among:
            outcome = Outcome.ALREADY
        return Effect(
            patch=number,
            operation=str(operation),
            outcome=outcome,
            before=tuple(before) or tuple(line.origin for line in among),
            after=tuple(after) if before else tuple(line.origin for line in among),
            reason="; ".join(reasons) or None,
        )

    def _claim(self, line: _Line, number: int, operation: RequirementOperation) -> None:
        part = _PARTS[operation.verb]
        for other, (patch, theirs) in line.changed_by.items():
            if part == other or "whole" in (part, other):
                self.faults.append(
                    f"patch {patch} (`{theirs}`) and patch {number} (`{operation}`) both change "
                    f"`{line.origin}`"
                )
        line.changed_by[part] = (number, str(operation))

    def _add(self, number: int, operation: RequirementOperation) -> Effect:
        assert operation.value is not None
        new = parse_requirement(operation.value)
        present = [line for line in self._lines if line.name == new.project]
        if any(line.requirement == new for line in present):
            return Effect(
                patch=number,
                operation=str(operation),
                outcome=Outcome.ALREADY,
                before=tuple(line.origin for line in present if line.requirement == new),
            )
        self._added.add(operation.value)
        same_place = [
            f"`{line.origin}`"
            for line in present
            if line.requirement is not None and line.requirement.marker == new.marker
        ]
        shown = " and ".join(same_place)
        return Effect(
            patch=number,
            operation=str(operation),
            outcome=Outcome.CHANGED,
            after=(operation.value,),
            reason=f"upstream has {shown} in the same place" if same_place else None,
        )

    def _replace(self, number: int, operation: RequirementOperation) -> Effect:
        assert operation.value is not None
        assert operation.selector is not None
        value, new = operation.value, parse_requirement(operation.value)

        def edit(line: _Line, text: str) -> str | None:
            # A replacement without a marker holds where the replaced line held.
            marker = None if new.marker else split_marker(line.origin)[1]
            written = value if marker is None else _under(value, marker)
            try:
                same = parse_requirement(written) == line.requirement
            except ValueError as error:
                raise _ImpossibleError(f"has a marker that cannot be read: {error}") from error
            return text if same else written

        already = any(
            line.requirement is not None
            and (line.requirement == new if new.marker else line.requirement.bare == new.bare)
            for line in self._lines
        )
        return self._each(number, operation, edit, Outcome.ALREADY if already else Outcome.NO_MATCH)

    def _set_marker(self, number: int, operation: RequirementOperation) -> Effect:
        assert operation.selector is not None
        wanted, selector = operation.value or None, operation.selector

        def edit(line: _Line, text: str) -> str | None:
            _readable(line)
            has = line.requirement.marker if line.requirement else None
            if (str(has) if has else None) == wanted:
                return text
            return _under(text, wanted)

        already = any(
            line.requirement is not None
            and line.name == selector.project
            and (str(line.requirement.marker) if line.requirement.marker else None) == wanted
            for line in self._lines
        )
        return self._each(number, operation, edit, Outcome.ALREADY if already else Outcome.NO_MATCH)

    def _move(self, number: int, operation: RequirementOperation) -> Effect:
        assert operation.selector is not None
        assert operation.value is not None
        selector, extra = operation.selector, operation.value
        # What is in another extra already stays there.
        meant = [
            line
            for line in self._lines
            if line.matches(selector)
            and (line.requirement is None or _extras(line.requirement) <= {extra})
        ]

        def edit(line: _Line, text: str) -> str | None:
            _readable(line)
            assert line.requirement is not None
            if _extras(line.requirement):
                return text
            marker = split_marker(line.origin)[1]
            if marker is None:
                return _under(text, f'extra == "{extra}"')
            assert line.requirement.marker is not None
            inner = f"({marker})" if isinstance(line.requirement.marker.tree, Or) else marker
            return _under(text, f'{inner} and extra == "{extra}"')

        return self._each(number, operation, edit, among=meant)

    def _drop_preemptive(
        self, number: int, operation: RequirementOperation, preemptive: Collection[NormalizedName]
    ) -> Effect:
        selector = operation.selector
        named = [
            line
            for line in self._lines
            if line.name in preemptive and (selector is None or line.matches(selector))
        ]
        effect = self._each(number, operation, _bounded(None, upper=True), among=named)
        if named or (selector is not None and selector.project in preemptive):
            return effect
        reason = "upstream's `[tool.trueup.bounds] preemptive` does not name it"
        if selector is None:
            reason = "upstream's `[tool.trueup.bounds] preemptive` names none of its requirements"
        return Effect(
            patch=number, operation=str(operation), outcome=Outcome.NO_MATCH, reason=reason
        )


def _line(text: str) -> _Line:
    found = _NAME.match(text)
    try:
        requirement: Requirement | None = parse_requirement(text)
    except ValueError:
        requirement = None
    return _Line(
        origin=text,
        name=canonicalize_name(found[1]) if found else None,
        requirement=requirement,
        text=text,
    )


def _readable(line: _Line) -> None:
    if line.requirement is None:
        raise _ImpossibleError("cannot be read, so only `replace` and `remove` can change it")


def _bounded(bound: str | None, *, upper: bool) -> _Edit:
    """How to drop the upper (lower) bounds of a line, or to set ``bound``."""

    def edit(line: _Line, text: str) -> str | None:
        _readable(line)
        parts = RequirementText.of(text)
        if parts is None:
            raise _ImpossibleError("names an address, which has no bounds")
        if bound is None:
            return str(without_bound(parts, upper=upper))
        if parts.compares_text:
            raise _ImpossibleError("compares text with `===`, beside which no bound can stand")
        return str(set_bound(parts, bound, upper=upper))

    return edit


def _under(text: str, marker: str | None) -> str:
    """The requirement's text under another marker (None for none)."""
    bare, _ = split_marker(text)
    if marker is None:
        return bare
    # PEP 508: a URL ends at white space, so the semicolon after one needs a space before it.
    return f"{bare} ; {marker}" if RequirementText.of(bare) is None else f"{bare}; {marker}"


def _extras(requirement: Requirement) -> set[NormalizedName]:
    marker = requirement.marker
    return {canonicalize_name(name) for name in marker.extras} if marker else set()
