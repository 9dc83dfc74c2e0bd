"""What `trueup env` says of an environment, as one self-contained HTML page."""

from __future__ import annotations

from collections import Counter

from trueup.interfaces.report.cachedbuilds import state_of
from trueup.interfaces.report.html import render_page
from trueup.interfaces.report.installedtext import installed_summary
from trueup.judge.installed import InstalledJudgement
from trueup.model.finding import Severity
from trueup.model.installed import DirectUrl, InstalledDistribution
from trueup.model.installedreport import InstalledReport

__all__ = ["render_installed_html"]


def render_installed_html(report: InstalledReport) -> str:
    """The report as the text of one HTML page: no network, readable without JavaScript."""
    judgement = InstalledJudgement(environment=report.environment)
    users: dict[str, list[str]] = {}
    for need in judgement.needs:
        users.setdefault(need.requirement.project, []).append(need.by.project)
    levels = Counter(
        (finding.project, finding.severity)
        for finding in report.findings
        if finding.severity is not Severity.INFO
    )
    origins = {id(one.distribution): one for one in report.origins}
    return render_page(
        "installed.html",
        styles=("report.css", "survey.css"),
        title=report.environment.where,
        summary=installed_summary(report),
        report=report,
        findings=[one for one in report.findings if one.severity is not Severity.INFO],
        notes=[one for one in report.findings if one.severity is Severity.INFO],
        builds=None
        if report.builds is None
        else [(build, state_of(build)) for build in report.builds],
        rows=[
            (
                one,
                _from(one),
                origins.get(id(one)),
                sorted(set(users.get(one.project, ()))),
                levels[one.project, Severity.ERROR],
                levels[one.project, Severity.WARNING],
            )
            for one in report.environment.distributions
        ],
    )


def _from(one: InstalledDistribution) -> str:
    if isinstance(one.direct_url, DirectUrl):
        return "editable" if one.direct_url.editable else "an address"
    return one.owner or one.installer or ""
