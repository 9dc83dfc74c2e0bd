"""The report for GitHub Actions: annotations on standard output, and a summary of the step."""

from __future__ import annotations

import re
from collections.abc import Iterable

from trueup.interfaces.report.evidence import legend, short_names
from trueup.interfaces.report.words import NOTHING_MORE, headline, printable, summary
from trueup.model.finding import Evidence, Finding, ReleaseReport, Report, Severity

__all__ = [
    "annotation",
    "code",
    "command",
    "finding_section",
    "markdown",
    "render_github",
    "render_step_summary",
]

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_WORDS = {Severity.ERROR: "❌ error", Severity.WARNING: "⚠️ warning", Severity.INFO: "ℹ️ info"}


def render_github(report: Report) -> str:
    """Workflow commands, one per finding and failure, and the summary as the last line.

    Each names the first file of its evidence; line breaks inside a message are escaped, and no
    value from a file can start a command of its own.
    """
    lines = [annotation(finding) for finding in report.findings]
    lines += [
        command("error", "could not be judged", None, printable(f"`{target}`: {reason}"))
        for target, reason in report.failures
    ]
    return "\n".join([*lines, summary(report)]) + "\n"


def annotation(finding: Finding, *, place: tuple[str, int | None] | None = None) -> str:
    """The workflow command of one finding, at a place or at the first file of its evidence."""
    title = printable(f"{finding.code}: {finding.project} {finding.version}".rstrip(": "))
    lines = [printable(finding.message)]
    if finding.where is not None:
        lines.append(f"where: {printable(finding.where)}")
    lines += _evidence(finding.evidence)
    if (meaning := legend(finding)) is not None:
        lines.append(f"({meaning})")
    if finding.hint is not None:
        lines.append(f"hint: {printable(finding.hint)}")
    file = printable(finding.files[0]) if finding.files else None
    line = None
    if place is not None:
        file, line = printable(place[0]), place[1]
    return command(_COMMANDS[finding.severity], title, file, "\n".join(lines), line=line)


def _evidence(evidence: Iterable[Evidence]) -> list[str]:
    evidence = list(evidence)
    compared = any(item.says for item in evidence)
    short = short_names(evidence)
    return [
        ": ".join(
            filter(
                None,
                (
                    short.get(item.files) or ", ".join(map(printable, item.files)),
                    printable(item.where or ""),
                    printable(", ".join(item.says)) or (NOTHING_MORE if compared else ""),
                ),
            )
        )
        for item in evidence
    ]


def command(
    name: str, title: str, file: str | None, message: str, *, line: int | None = None
) -> str:
    """A workflow command; what the runner would decode is escaped."""
    properties = {"title": title} | ({"file": file} if file is not None else {})
    properties |= {"line": str(line)} if line is not None else {}
    text = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {text}::{_data(message)}"


def _data(text: str) -> str:
    # The runner decodes %25, %0D and %0A in a command's data (workflow commands, "Escaping").
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def render_step_summary(report: Report) -> str:
    """Markdown for the file that ``GITHUB_STEP_SUMMARY`` names."""
    lines = [f"## trueup: {summary(report)}", ""]
    for release in report.releases:
        lines += _section(release)
    if report.failures:
        lines += ["### Could not be judged", ""]
        lines += [f"- {code(target)}: {markdown(reason)}" for target, reason in report.failures]
        lines.append("")
    return "\n".join(lines)


def _section(release: ReleaseReport) -> list[str]:
    lines = [f"### {markdown(headline(release))}", ""]
    for finding in release.findings:
        lines += finding_section(finding)
    if release.merged is not None:
        lines += ["<details><summary>One list that serves every wheel</summary>", ""]
        lines += [f"- {code(line)}" for line in release.merged.requires_dist]
        if release.merged.residue is not None:
            lines += ["", f"Except for {markdown(release.merged.residue)}"]
        lines += ["", "</details>", ""]
    return lines


def finding_section(finding: Finding) -> list[str]:
    """One finding as Markdown: what, where, the evidence as a table, the hint."""
    lines = [
        f"**{_WORDS[finding.severity]}** {code(finding.code)}: {markdown(finding.message)}",
        "",
    ]
    if finding.where is not None:
        lines += [f"Where: {markdown(finding.where)}", ""]
    if finding.evidence:
        lines += ["| files | where | says |", "|---|---|---|"]
        compared = any(item.says for item in finding.evidence)
        short = short_names(finding.evidence)
        lines += [_row(item, short.get(item.files), compared) for item in finding.evidence]
        lines.append("")
    if (meaning := legend(finding)) is not None:
        lines += [markdown(meaning), ""]
    if finding.hint is not None:
        lines += [f"Hint: {markdown(finding.hint)}", ""]
    return lines


def _row(item: Evidence, short: str | None, compared: bool) -> str:
    files = "<br>".join(map(code, item.files)) if short is None else markdown(short)
    says = "<br>".join(code(value) for value in item.says)
    # A pipe ends a cell even inside a code span, unless escaped (GFM, "Tables").
    cells = (files, markdown(item.where or ""), says or (NOTHING_MORE if compared else ""))
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def code(text: str) -> str:
    """A code span: nothing inside is markup, whatever the text holds."""
    text = printable(text)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if not text or text[0] == "`" or text[-1] == "`" else ""
    return f"{fence}{space}{text}{space}{fence}"


def markdown(text: str) -> str:
    """Running text: pairs of backticks make code spans, all other markup is shown as it is."""
    parts = re.split(r"`([^`]*)`", printable(text))
    return "".join(
        code(part) if number % 2 else re.sub(r"[\\`*_{}\[\]<>()#!|~&@:/.]", _entity, part)
        for number, part in enumerate(parts)
    )


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"
