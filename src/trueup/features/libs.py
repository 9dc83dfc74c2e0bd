"""`libs`: the native map of wheels or of an environment."""

from __future__ import annotations

from collections.abc import Sequence

from trueup.judge.duplicates import duplicates_of
from trueup.judge.native import native_map
from trueup.judge.nativerules import NATIVE_RULES
from trueup.judge.rule import RuleSettings
from trueup.model.finding import Finding
from trueup.model.library import Distribution
from trueup.model.loading import Layout
from trueup.model.nativereport import NativeReport

__all__ = ["libs"]


def libs(
    distributions: Sequence[Distribution],
    *,
    layouts: Sequence[Layout] | None = None,
    library_path: Sequence[str] = (),
    settings: RuleSettings | None = None,
    failures: Sequence[tuple[str, str]] = (),
) -> NativeReport:
    """Who loads which copy, what is there twice, and what is dangerous about it.

    ``layouts`` are the environments to look at (None: every way in which the wheels can stand side
    by side), ``library_path`` the folders of LD_LIBRARY_PATH relative to site-packages,
    ``failures`` what could not be read before. Raises UsageError for a rule that does not exist.
    """
    settings = settings or RuleSettings()
    settings.check_codes(rule.code for rule in NATIVE_RULES)
    native = native_map(distributions, layouts=layouts, library_path=library_path)
    findings: list[Finding] = [
        settings.graded(finding)
        for rule in NATIVE_RULES
        if settings.applies(rule.code)
        for finding in rule.check(native)
    ]
    return NativeReport(
        distributions=native.distributions,
        maps=tuple(placement.loaded for placement in native.placements),
        duplicates=duplicates_of(
            native.distributions, [placement.layout for placement in native.placements]
        ),
        findings=tuple(findings),
        failures=tuple(failures),
    )
