"""The answer of a verb that judges: the report, in the form and place asked for, and the code."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TextIO

import click

from trueup.interfaces.cli.errors import COULD_NOT, FINDINGS, HOLDS
from trueup.interfaces.cli.options import CheckOptions, JudgingOptions
from trueup.model.errors import UsageError
from trueup.model.finding import Finding, Report, Severity
from trueup.sources.output import write_atomically

__all__ = [
    "Judged",
    "answer",
    "deliver",
    "exit_code",
    "make_known",
    "say",
    "tell_failures",
    "use_colour",
    "width_of",
]

_WIDTH = 100
"""Columns where neither `COLUMNS` nor a terminal says how many there are."""


class Judged(Protocol):
    """A report of any verb that judges."""

    @property
    def findings(self) -> Sequence[Finding]: ...

    @property
    def failures(self) -> Sequence[tuple[str, str]]:
        """What could not be judged, and why."""
        ...

    def worst(self) -> Severity | None:
        """The heaviest severity found, None if nothing was."""
        ...


def answer(report: Report, options: CheckOptions, *, environ: Mapping[str, str]) -> None:
    """Write the report of `check` to ``--output`` in one step, or to standard output."""

    def step_summary() -> str:
        from trueup.interfaces.report.github import render_step_summary

        return render_step_summary(report)

    deliver(
        lambda colour, width: _render(report, options, colour=colour, width=width),
        options,
        failures=report.failures,
        step_summary=step_summary,
        environ=environ,
    )


def deliver(
    render: Callable[[bool, int], str],
    options: JudgingOptions,
    *,
    failures: Iterable[tuple[str, str]],
    step_summary: Callable[[], str] | None = None,
    environ: Mapping[str, str],
) -> None:
    """Put a report where it was asked for; ``render`` takes whether to use colour, and the width.

    ``step_summary`` is what GitHub shows beside a run, for reports in its format.
    """
    to_file = options.output is not None and options.output != "-"
    colour = not to_file and use_colour(options.colour, sys.stdout, environ)
    text = render(colour, width_of(environ))
    if to_file:
        assert options.output is not None
        write_atomically(Path(options.output), text)
        if not options.quiet:
            click.echo(f"wrote `{options.output}`", err=True)
    else:
        say(text)
    summary = environ.get("GITHUB_STEP_SUMMARY")
    if options.form == "github" and summary and step_summary is not None:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(step_summary())
    if options.form != "text" or to_file:
        # The failures stand in the report; whoever looks at the terminal must see them as well.
        tell_failures(failures)


def tell_failures(failures: Iterable[tuple[str, str]]) -> None:
    """What could not be judged, on standard error."""
    for target, reason in failures:
        click.echo(f"error: could not judge `{target}`: {reason}", err=True)


def exit_code(report: Judged, fail_on: Severity | None) -> int:
    """2 if something could not be judged, else 1 if something weighs as much as ``fail_on``."""
    if report.failures:
        return COULD_NOT
    worst = report.worst()
    if fail_on is None or worst is None or worst.rank < fail_on.rank:
        return HOLDS
    return FINDINGS


def make_known(report: Judged, path: str, *, quiet: bool) -> int:
    """Write all findings to a baseline file; returns the exit code.

    Raises UsageError if not everything could be judged: an incomplete file would make tomorrow's
    old findings look new.
    """
    from trueup.sources.baseline import write_baseline

    tell_failures(report.failures)
    if report.failures:
        raise UsageError(f"`{path}` is not written, because not everything could be judged")
    count = write_baseline(Path(path), report.findings)
    if not quiet:
        findings = "1 finding" if count == 1 else f"{count:,} findings"
        click.echo(f"wrote `{path}`: {findings} known", err=True)
    return HOLDS


def use_colour(wish: str, stream: TextIO, environ: Mapping[str, str]) -> bool:
    """`auto` heeds `NO_COLOR` and `FORCE_COLOR` (set and not empty), then asks the stream."""
    if wish != "auto":
        return wish == "always"
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return bool(environ.get("FORCE_COLOR")) or stream.isatty()


def _render(report: Report, options: CheckOptions, *, colour: bool, width: int) -> str:
    """Each format is imported when it is asked for: HTML alone needs a template engine."""
    if options.form == "json":
        from trueup.interfaces.report.json import render_json

        return render_json(report)
    if options.form == "github":
        from trueup.interfaces.report.github import render_github

        return render_github(report)
    if options.form == "sarif":
        from trueup.interfaces.report.sarif import render_sarif
        from trueup.judge.rules import RULES

        return render_sarif(report, RULES)
    if options.form == "html":
        from trueup.interfaces.report.html import render_html

        return render_html(report)
    from trueup.interfaces.report.text import render_text

    return render_text(
        report,
        colour=colour,
        width=width,
        verbose=options.verbose,
        suggest=options.suggest,
        fix_hint=options.fix_hint,
    )


def width_of(environ: Mapping[str, str]) -> int:
    """``COLUMNS`` if it is set, as everywhere; else what the terminal says, if there is one."""
    columns = environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdecimal() and int(columns[:6]) > 0:
        return int(columns[:6])
    return shutil.get_terminal_size((_WIDTH, 24)).columns if sys.stdout.isatty() else _WIDTH


def say(text: str) -> None:
    """Write to standard output; a reader that has seen enough (`| head`) is no error."""
    try:
        # A terminal that cannot show a character gets its escape, not a traceback.
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
