"""A distribution does not allow this Python.

Installers refuse such a file; it gets here when a Python is replaced under its packages, or by
`--ignore-requires-python`.

**Before**: `demo 1.0` has `Requires-Python: <3.12`, and the interpreter is 3.12.1.

**After**: a version of `demo` that allows 3.12 is installed.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement, installed_finding
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Finding, Severity
from trueup.model.metadata import Resolution

__all__ = ["RULE"]

CODE = "python-not-allowed"


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    runtime = judgement.environment.runtime
    for one in judgement.active.values():
        found = getattr(one.metadata, "resolution", None)
        if not isinstance(found, Resolution) or found.requires_python is None:
            continue
        if not found.requires_python.contains(runtime.python, prereleases=True):
            yield installed_finding(
                one,
                CODE,
                Severity.ERROR,
                f"does not allow Python {runtime.python}: `{found.requires_python}`",
                where=f"known by {runtime.known_by}",
                field="Requires-Python",
            )


RULE = InstalledRule(code=CODE, severity=Severity.ERROR, page=__doc__, check=_check)
