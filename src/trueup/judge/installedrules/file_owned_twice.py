"""Two distributions record the same file: whoever came last wrote it, and removing one breaks the other.

Often a fork under another name (`opencv-python` and `opencv-python-headless`), or a stray top-level
`tests` package. Namespace packages share folders, not files.

**Before**: `demo 1.0` and `demo-headless 1.0` both record `demo/__init__.py`.

**After**: one of them is uninstalled, and the other one installed again.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement, installed_finding
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.installed import InstalledDistribution

__all__ = ["RULE"]

CODE = "file-owned-twice"
_HARMLESS = ("/__pycache__/", ".pyc")


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    groups: dict[tuple[str, ...], tuple[list[InstalledDistribution], list[str]]] = {}
    for path, owners in judgement.owners.items():
        if not any(part in path for part in _HARMLESS):
            key = tuple(one.title for one in owners)
            groups.setdefault(key, (list(owners), []))[1].append(path)
    for titles, (several, paths) in groups.items():
        if len(set(titles)) < 2:
            continue
        site = f"{several[0].site}/"
        yield installed_finding(
            several[0],
            CODE,
            Severity.WARNING,
            f"shares files with {', '.join(titles[1:])}",
            evidence=[Evidence(files=tuple(sorted(path.removeprefix(site) for path in paths)))],
            hint="keep one of them, and install it again after the other one is removed",
        )


RULE = InstalledRule(code=CODE, severity=Severity.WARNING, page=__doc__, check=_check)
