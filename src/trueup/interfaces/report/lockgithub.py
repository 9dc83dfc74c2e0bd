"""What `trueup verify` says of locks, for GitHub Actions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from trueup.interfaces.report.github import annotation, code, command, finding_section, markdown
from trueup.interfaces.report.lockwords import (
    NOT_PROVEN_HINT,
    lock_headline,
    lock_place,
    lock_summary,
    short_targets,
    told,
    unproven,
    unproven_words,
)
from trueup.interfaces.report.words import printable, titled
from trueup.model.lockreport import LockReport, VerifyReport

__all__ = ["render_lock_github", "render_lock_summary"]


def render_lock_github(report: VerifyReport) -> str:
    """Workflow commands at the lines of the locks, and the summary as the last line.

    One for each finding and failure, and one for each lock in which something is not proven.
    """
    lines = [line for lock in report.locks for line in _annotations(lock)]
    lines += [
        command("error", "could not be judged", None, printable(f"`{target}`: {reason}"))
        for target, reason in report.failures
    ]
    return "\n".join([*lines, lock_summary(report)]) + "\n"


def _annotations(lock: LockReport) -> Iterator[str]:
    for finding in told(lock):
        named = replace(finding, message=titled(finding))
        yield annotation(named, place=lock_place(finding, lock))
    if lock.not_proven:
        lines = [unproven_words(lock)]
        for group in unproven(lock.not_proven):
            lines.append(printable(group.reason))
            lines += [printable(f"  {file}: {where}") for file, where in group.files]
        lines.append(f"hint: {NOT_PROVEN_HINT}")
        yield command("warning", "not proven", printable(lock.path), "\n".join(lines))


def render_lock_summary(report: VerifyReport) -> str:
    """Markdown for the file that ``GITHUB_STEP_SUMMARY`` names."""
    lines = [f"## trueup: {lock_summary(report)}", ""]
    for lock in report.locks:
        lines += _section(lock)
    if report.failures:
        lines += ["### Could not be judged", ""]
        lines += [f"- {code(target)}: {markdown(reason)}" for target, reason in report.failures]
        lines.append("")
    return "\n".join(lines)


def _section(lock: LockReport) -> Iterator[str]:
    yield f"### {markdown(lock_headline(lock))}"
    yield ""
    yield "<details><summary>Targets</summary>"
    yield ""
    yield from (f"- {code(text)}" for text in short_targets(lock.targets))
    yield from ("", "</details>", "")
    for finding in told(lock):
        yield from finding_section(replace(finding, message=titled(finding)))
    if lock.not_proven:
        yield f"**⚠️ not proven** {markdown(unproven_words(lock))}"
        yield ""
        for group in unproven(lock.not_proven):
            yield f"- {markdown(group.reason)}"
            yield from (f"  - {code(file)}: {markdown(where)}" for file, where in group.files)
        yield from ("", f"Hint: {markdown(NOT_PROVEN_HINT)}", "")
    for what, text in lock.workarounds:
        yield f"<details><summary>Way out: {markdown(what)}</summary>"
        yield ""
        # Indented, so that no line of the text can end the block.
        yield from (f"    {printable(line)}" for line in text.rstrip("\n").split("\n"))
        yield from ("", "</details>", "")
