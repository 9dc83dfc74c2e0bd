"""`env --wheel-cache`: do the wheels that installers keep still match what they were built from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from trueup.judge.cachedbuild import CacheJudgement
from trueup.judge.fingerprint import fingerprint
from trueup.judge.installedrules import cached_build_differs
from trueup.judge.rule import RuleSettings
from trueup.model.installedreport import InstalledReport
from trueup.model.wheelcache import CachedBuild

__all__ = ["with_builds"]


def with_builds(
    report: InstalledReport,
    builds: Sequence[CachedBuild],
    *,
    settings: RuleSettings | None = None,
    known: Collection[str] = (),
) -> InstalledReport:
    """The report with these builds judged, too; ``known`` are fingerprints to leave out."""
    settings = settings or RuleSettings()
    rule = cached_build_differs.RULE
    judgement = CacheJudgement(environment=report.environment, builds=tuple(builds))
    found = (
        [settings.graded(finding) for finding in rule.check(judgement)]
        if settings.applies(rule.code)
        else []
    )
    new = [finding for finding in found if fingerprint(finding) not in known]
    return replace(
        report,
        builds=tuple(builds),
        findings=tuple(
            sorted((*report.findings, *new), key=lambda finding: -finding.severity.rank)
        ),
        known=report.known + len(found) - len(new),
    )
