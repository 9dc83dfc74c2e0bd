"""Bounds of a requirement, taken away or set in its text; all else stays as it is written.

Which clause bounds what (PEP 440, "Version specifiers"):

=========  ==================  ==================
clause     lower half          upper half
=========  ==================  ==================
``>=V``    ``>=V``             none
``>V``     ``>V``              none
``<=V``    none                ``<=V``
``<V``     none                ``<V``
``~=1.4.2``  ``>=1.4.2``       ``<1.5``
``==1.4.*``  ``>=1.4``         ``<1.5``
``==1.4``  ``>=1.4``           ``<=1.4``
``!=V``    none: it guards against a known problem
``===V``   none: it compares text, which has no order
=========  ==================  ==================
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import Version

__all__ = ["RequirementText", "is_bound", "set_bound", "split_marker", "without_bound"]

_TEXT = re.compile(
    r"(?P<name>\s*[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\s*\[[^\]]*\])?)"
    r"(?P<gap>\s*)"
    r"(?:(?P<url>@[^;]*?)(?P<url_tail>(?:\s+;.*)?)"
    r"|(?P<open>\(?)(?P<specifier>[^;()@]*)(?P<close>\)?)(?P<tail>\s*(?:;.*)?))$",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementText:
    """A requirement's text in pieces; joined again they are the text.

    ``head`` is the name with extras and the white space after them, ``tail`` the marker with all
    before it from the semicolon's white space on.
    """

    head: str
    clauses: tuple[str, ...]
    separator: str
    brackets: bool
    tail: str

    def __str__(self) -> str:
        if not self.clauses:
            return self.head.rstrip() + self.tail
        text = self.separator.join(self.clauses)
        return (
            f"{self.head}({text}){self.tail}" if self.brackets else f"{self.head}{text}{self.tail}"
        )

    @property
    def compares_text(self) -> bool:
        """Whether a clause is `===`, which takes what follows it for its text."""
        return any(clause.startswith("===") for clause in self.clauses)

    @property
    def unsatisfiable(self) -> bool:
        return SpecifierSet(",".join(self.clauses)).is_unsatisfiable()

    @classmethod
    def of(cls, text: str) -> RequirementText | None:
        """Take a requirement apart that `packaging` can read; None if it names a URL."""
        match = _TEXT.match(text)
        if match is None or match["url"] is not None:
            return None
        written = match["specifier"]
        clauses = [clause for clause in re.split(r"\s*,\s*", written.strip()) if clause]
        comma = re.search(r"\s*,\s*", written)
        stripped = len(written) - len(written.rstrip()) if not match["close"] else 0
        gap = written[len(written) - stripped :] if stripped else ""
        return cls(
            head=match["name"] + (match["gap"] if clauses else ""),
            clauses=tuple(clauses),
            separator=comma[0] if comma else ",",
            brackets=bool(match["open"]),
            tail=(match["gap"] if not clauses and match["tail"] else "") + gap + match["tail"],
        )

    def with_clauses(self, clauses: Sequence[str]) -> RequirementText:
        return replace(self, clauses=tuple(clauses))


def split_marker(text: str) -> tuple[str, str | None]:
    """A requirement's text before its marker, and the marker as written (None: it has none)."""
    url = re.match(r"\s*[A-Za-z0-9._-]+\s*(?:\[[^\]]*\])?\s*@", text)
    # PEP 508: in a URL a semicolon belongs to it unless white space comes before.
    found = re.search(r"\s+;" if url else r"\s*;", text)
    if found is None:
        return text.rstrip(), None
    return text[: found.start()].rstrip(), text[found.end() :].strip()


def is_bound(text: str, *, upper: bool) -> bool:
    """Whether the text is one clause that is an upper (lower) bound and nothing else."""
    try:
        operator = Specifier(text).operator
    except ValueError:
        return False
    return operator in (("<", "<=") if upper else (">", ">="))


def without_bound(requirement: RequirementText, *, upper: bool) -> RequirementText:
    """Take the upper (lower) bounds away; of a clause that bounds both ways the other half stays."""
    kept: list[str] = []
    for clause in requirement.clauses:
        if _half(clause, upper=upper) is None:
            kept.append(clause)
            continue
        rest = _half(clause, upper=not upper)
        if rest is None:
            continue
        others = [other for other in requirement.clauses if _half(other, upper=upper) is None]
        if not _implied(rest, [*others, *kept]):
            kept.append(rest)
    return requirement.with_clauses(kept)


def set_bound(requirement: RequirementText, bound: str, *, upper: bool) -> RequirementText:
    """Let ``bound`` be the one upper (lower) bound, where the first such bound stood.

    Where there was none a lower bound comes first and an upper bound last, so that it does not
    matter which of two is set first.
    """
    present = [item for item in requirement.clauses if _half(item, upper=upper) is not None]
    if len(present) == 1 and Specifier(present[0]) == Specifier(bound):
        return requirement
    rest = list(without_bound(requirement, upper=upper).clauses)
    position = len(rest) if upper else 0
    if present:
        before = requirement.clauses[: requirement.clauses.index(present[0])]
        position = sum(clause in rest for clause in before)
        other_half = _half(present[0], upper=not upper)
        if upper and other_half is not None and rest[position : position + 1] == [other_half]:
            position += 1
    rest.insert(position, bound)
    return requirement.with_clauses(rest)


def _implied(clause: str, others: Sequence[str]) -> bool:
    wanted = SpecifierSet(clause)
    return any(
        SpecifierSet(other).is_subset(wanted) for other in others if not other.startswith("===")
    )


def _half(clause: str, *, upper: bool) -> str | None:
    """The upper (lower) half of one clause as a clause of its own; see the table above."""
    specifier = Specifier(clause)
    operator, text = specifier.operator, specifier.version
    if operator in ("<", "<="):
        return clause if upper else None
    if operator in (">", ">="):
        return None if upper else clause
    if operator == "~=":
        # PEP 440: `~=1.4.2` is `>=1.4.2, ==1.4.*`, whatever suffix the version has.
        return _next(Version(text), drop_last=True) if upper else f">={text}"
    if operator == "==":
        if text.endswith(".*"):
            # `>=1.4.dev0` would be exact, and would invite pre-releases of everything.
            stem = text.removesuffix(".*")
            return _next(Version(stem), drop_last=False) if upper else f">={stem}"
        # Ordered comparison knows no local versions.
        return f"{'<=' if upper else '>='}{Version(text).public}"
    return None


def _next(version: Version, *, drop_last: bool) -> str:
    release = version.release[:-1] if drop_last else version.release
    epoch = f"{version.epoch}!" if version.epoch else ""
    return f"<{epoch}{'.'.join(map(str, (*release[:-1], release[-1] + 1)))}"
