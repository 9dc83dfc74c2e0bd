"""What `trueup env` says of an environment, as text for people."""

from __future__ import annotations

from trueup.interfaces.report.cachedbuilds import build_lines
from trueup.interfaces.report.page import Page, join_blocks
from trueup.interfaces.report.words import count
from trueup.model.finding import Severity
from trueup.model.installed import Rows
from trueup.model.installedreport import InstalledReport

__all__ = ["installed_summary", "render_installed_text"]


def render_installed_text(
    report: InstalledReport, *, colour: bool, width: int, verbose: bool = False
) -> str:
    """The report as text that ends with a line break; ``verbose`` tells every finding in full.

    Findings that are only information are counted, unless ``verbose``.
    """
    page = Page(colour=colour, width=max(width, 40), verbose=verbose)
    runtime = report.environment.runtime
    head = [
        page.paint(report.environment.where, bold=True),
        *page.wrap(f"{runtime.words} (known by {runtime.known_by})", "  "),
    ]
    head += [f"  {site}" for site in report.environment.sites]
    told = [one for one in report.findings if verbose or one.severity is not Severity.INFO]
    blocks = [head, *page.findings(told)]
    if report.builds is not None:
        blocks.append(build_lines(page, report.builds, runtime))
    blocks += [page.failure(f"`{what}`", reason) for what, reason in report.failures]
    blocks.append(page.wrap(installed_summary(report), ""))
    quiet = len(report.findings) - len(told)
    if quiet:
        blocks[-1] += page.wrap(f"{count(quiet, 'note')}: `-v` tells", "")
    return "\n".join(join_blocks(blocks)) + "\n"


def installed_summary(report: InstalledReport) -> str:
    """``12 distributions, 340 files: 1 error, 2 warnings``."""
    distributions = report.environment.distributions
    files = sum(len(one.record) for one in distributions if isinstance(one.record, Rows))
    levels = [
        count(number, level.value)
        for level in (Severity.ERROR, Severity.WARNING)
        if (number := sum(one.severity is level for one in report.findings))
    ]
    looked = "hashed" if report.environment.deep else "looked for"
    said = ", ".join(levels) or "whole"
    return f"{count(len(distributions), 'distribution')}, {count(files, 'file')} {looked}: {said}"
