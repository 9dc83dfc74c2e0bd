"""`env`: does an installed environment still hold together, and match what was published."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from trueup.judge.fingerprint import fingerprint
from trueup.judge.installed import InstalledJudgement
from trueup.judge.installedrules import INSTALLED_RULES
from trueup.judge.rule import RuleSettings
from trueup.model.condition import Selection
from trueup.model.installed import InstalledEnvironment
from trueup.model.installedreport import InstalledReport, Origin
from trueup.model.lock import Lock

__all__ = ["env"]


def env(
    environment: InstalledEnvironment,
    *,
    settings: RuleSettings | None = None,
    known: Collection[str] = (),
    lock: Lock | None = None,
    selection: Selection | None = None,
    origins: Sequence[Origin] = (),
) -> InstalledReport:
    """Judge an environment by all rules that the settings select.

    ``lock`` is what it should have been installed from, with these extras and groups of it (None:
    those that the lock installs by default). ``origins`` are where
    distributions come from. ``known`` are fingerprints of findings to leave out. Raises UsageError for a rule that does not
    exist.
    """
    settings = settings or RuleSettings()
    settings.check_codes(rule.code for rule in INSTALLED_RULES)
    locked = None
    if lock is not None:
        # Imported here: most environments are judged without a lock, and quickly.
        from trueup.judge.locked import Locked

        chosen = lock.default if selection is None else selection
        locked = Locked(lock=lock, runtime=environment.runtime, selection=chosen)
    judgement = InstalledJudgement(environment=environment, locked=locked, origins=tuple(origins))
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
        origins=tuple(origins),
        lock=None if lock is None else lock.path,
        known=len(findings) - len(new),
    )
