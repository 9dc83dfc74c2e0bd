"""Files are missing, or are not what RECORD says was installed.

Without `--deep` files are only looked for; with it their sizes are compared and their contents hashed.
Compiled files (`*.pyc`) do not count.

**Before**: RECORD lists `demo/core.py` with 812 bytes, and it has 840.

**After**: the distribution is installed again; what was changed on purpose belongs into a patch of
its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement, installed_finding
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.installed import FileState, InstalledDistribution

__all__ = ["RULE"]

CODE = "file-not-as-recorded"
_ORDER = (FileState.MISSING, FileState.SIZE, FileState.CONTENT, FileState.UNREADABLE)


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    for one in judgement.environment.distributions:
        groups: dict[FileState, list[str]] = {}
        for path, state in one.faults:
            if state is not FileState.OUTSIDE:
                groups.setdefault(state, []).append(path)
        if groups:
            yield installed_finding(
                one,
                CODE,
                Severity.WARNING if _is_scripts_only(one) else Severity.ERROR,
                _words(groups),
                evidence=[
                    Evidence(files=tuple(groups[state]), says=(state.value,))
                    for state in _ORDER
                    if state in groups
                ],
                hint=f"`pip install --force-reinstall --no-deps {one.project}=={one.written_version}`",
            )


def _is_scripts_only(one: InstalledDistribution) -> bool:
    """Redistributors move scripts and leave RECORD as it was."""
    return all(
        path.startswith(("..", "scripts")) and state is FileState.MISSING
        for path, state in one.faults
        if state is not FileState.OUTSIDE
    )


def _words(groups: dict[FileState, list[str]]) -> str:
    parts = []
    for state in _ORDER:
        number = len(groups.get(state, ()))
        if number:
            files = "1 file" if number == 1 else f"{number:,} files"
            verb = {
                FileState.MISSING: "is missing" if number == 1 else "are missing",
                FileState.SIZE: "has another size" if number == 1 else "have another size",
                FileState.CONTENT: "has another content" if number == 1 else "have another content",
                FileState.UNREADABLE: "cannot be read",
            }[state]
            parts.append(f"{files} {verb}")
    return f"not as it was installed: {', '.join(parts)}"


RULE = InstalledRule(code=CODE, severity=Severity.ERROR, page=__doc__, check=_check)
