"""A rule is one object: a code, a severity, a check, and the page that documents it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from trueup.model.errors import UsageError
from trueup.model.finding import Finding, Severity

if TYPE_CHECKING:
    from trueup.judge.installed import InstalledJudgement
    from trueup.judge.judgement import Judgement
    from trueup.judge.lock import Audit
    from trueup.judge.native import NativeMap

__all__ = ["InstalledRule", "LockRule", "NativeRule", "Rule", "RulePage", "RuleSettings"]

_NONE: Mapping[str, Severity] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePage:
    """What is told of a rule: ``page`` is its documentation in Markdown.

    It is the docstring of the rule's module: its first line is the summary, and it shows what is
    judged before and after.
    """

    code: str
    severity: Severity
    page: str

    @property
    def summary(self) -> str:
        return self.page.strip().splitlines()[0].rstrip(".")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(RulePage):
    """One thing that ought to hold for a release.

    ``check`` looks at a judgement and yields findings at the rule's own ``severity``.
    """

    check: Callable[[Judgement], Iterable[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRule(RulePage):
    """One thing that ought to hold for a lock; ``check`` looks at an audit."""

    check: Callable[[Audit], Iterable[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeRule(RulePage):
    """One thing that ought to hold for shared libraries; ``check`` looks at all of them."""

    check: Callable[[NativeMap], Iterable[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledRule(RulePage):
    """One thing that ought to hold for an installed environment; ``check`` looks at all of it."""

    check: Callable[[InstalledJudgement], Iterable[Finding]]


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
