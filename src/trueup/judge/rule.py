"""A rule is one object: a code, a severity, a check, and the page that documents it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from trueup.model.errors import UsageError
from trueup.model.finding import Finding, Severity

if TYPE_CHECKING:
    from trueup.judge.judgement import Judgement

__all__ = ["Rule", "RuleSettings"]

_NONE: Mapping[str, Severity] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that ought to hold for a release.

    ``check`` looks at a judgement and yields findings at the rule's own ``severity``; ``page`` is
    the rule's documentation in Markdown (the docstring of its module): its first line is the
    summary, and it shows a release before and after.
    """

    code: str
    severity: Severity
    check: Callable[[Judgement], Iterable[Finding]]
    page: str

    @property
    def summary(self) -> str:
        return self.page.strip().splitlines()[0].rstrip(".")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSettings:
    """Which rules apply, and how much their findings weigh.

    ``select`` limits to these codes (None: all), ``ignore`` leaves codes out, ``severity`` gives
    codes another severity.
    """

    select: frozenset[str] | None = None
    ignore: frozenset[str] = frozenset()
    severity: Mapping[str, Severity] = field(default_factory=lambda: _NONE)

    def check_codes(self, known: Iterable[str]) -> None:
        """Raise UsageError for a code that no rule has; a mistyped code must not pass silently."""
        codes = set(known)
        for code in sorted((self.select or frozenset()) | self.ignore | self.severity.keys()):
            if code not in codes:
                raise UsageError(
                    f"no rule has the code `{code}`",
                    hint=f"the codes are: {', '.join(sorted(codes))}",
                )

    def applies(self, code: str) -> bool:
        return (self.select is None or code in self.select) and code not in self.ignore

    def graded(self, finding: Finding) -> Finding:
        """The finding at the severity that these settings give its code."""
        severity = self.severity.get(finding.code, finding.severity)
        return finding if severity is finding.severity else replace(finding, severity=severity)
