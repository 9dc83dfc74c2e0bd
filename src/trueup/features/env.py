"""`env`: does an installed environment still hold together, and match what was published."""

from __future__ import annotations

from collections.abc import Collection

from trueup.judge.fingerprint import fingerprint
from trueup.judge.installed import InstalledJudgement
from trueup.judge.installedrules import INSTALLED_RULES
from trueup.judge.rule import RuleSettings
from trueup.model.installed import InstalledEnvironment
from trueup.model.installedreport import InstalledReport

__all__ = ["env"]


def env(
    environment: InstalledEnvironment,
    *,
    settings: RuleSettings | None = None,
    known: Collection[str] = (),
) -> InstalledReport:
    """Judge an environment by all rules that the settings select.

    ``known`` are fingerprints of findings to leave out. Raises UsageError for a rule that does not
    exist.
    """
    settings = settings or RuleSettings()
    settings.check_codes(rule.code for rule in INSTALLED_RULES)
    judgement = InstalledJudgement(environment=environment)
    findings = [
        settings.graded(finding)
        for rule in INSTALLED_RULES
        if settings.applies(rule.code)
        for finding in rule.check(judgement)
    ]
    new = [finding for finding in findings if fingerprint(finding) not in known]
    return InstalledReport(
        environment=environment,
        findings=tuple(sorted(new, key=lambda finding: -finding.severity.rank)),
        failures=environment.failures,
        known=len(findings) - len(new),
    )
