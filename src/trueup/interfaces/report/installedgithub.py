"""What `trueup env` says of an environment, for GitHub Actions."""

from __future__ import annotations

from dataclasses import replace

from trueup.interfaces.report.github import annotation, code, command, finding_section, markdown
from trueup.interfaces.report.installedtext import installed_summary
from trueup.interfaces.report.words import printable, titled
from trueup.model.finding import Severity
from trueup.model.installedreport import InstalledReport

__all__ = ["render_installed_github", "render_installed_step_summary"]


def render_installed_github(report: InstalledReport) -> str:
    """A workflow command for each finding that is more than information, and the summary."""
    lines = [
        annotation(replace(finding, message=titled(finding)))
        for finding in report.findings
        if finding.severity is not Severity.INFO
    ]
    lines += [
        command("error", "could not be looked at", None, printable(f"`{what}`: {reason}"))
        for what, reason in report.failures
    ]
    return "\n".join([*lines, installed_summary(report)]) + "\n"


def render_installed_step_summary(report: InstalledReport) -> str:
    """Markdown for the file that ``GITHUB_STEP_SUMMARY`` names."""
    lines = [f"## trueup: {markdown(installed_summary(report))}", ""]
    for finding in report.findings:
        if finding.severity is not Severity.INFO:
            lines += finding_section(replace(finding, message=titled(finding)))
    if report.failures:
        lines += ["### Could not be looked at", ""]
        lines += [f"- {code(what)}: {markdown(reason)}" for what, reason in report.failures]
        lines.append("")
    return "\n".join(lines)
