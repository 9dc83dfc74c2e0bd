"""The answer of `trueup check`: the report, in the form and the place that were asked for."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import click

from trueup.interfaces.cli.options import CheckOptions
from trueup.model.finding import Report
from trueup.sources.output import write_atomically

__all__ = ["answer"]

_WIDTH = 100
"""Columns where neither `COLUMNS` nor a terminal says how many there are."""


def answer(report: Report, options: CheckOptions, *, environ: Mapping[str, str]) -> None:
    """Write the report to ``--output`` in one step, or to standard output."""
    to_file = options.output is not None and options.output != "-"
    colour = not to_file and use_colour(options.colour, sys.stdout, environ)
    text = _render(report, options, colour=colour, environ=environ)
    if to_file:
        assert options.output is not None
        write_atomically(Path(options.output), text)
        if not options.quiet:
            click.echo(f"wrote `{options.output}`", err=True)
    else:
        _print(text)
    summary = environ.get("GITHUB_STEP_SUMMARY")
    if options.form == "github" and summary:
        from trueup.interfaces.report.github import render_step_summary

        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(render_step_summary(report))
    if options.form != "text" or to_file:
        # The failures stand in the report; whoever looks at the terminal must see them as well.
        for target, reason in report.failures:
            click.echo(f"error: could not judge `{target}`: {reason}", err=True)


def use_colour(wish: str, stream: TextIO, environ: Mapping[str, str]) -> bool:
    """`auto` heeds `NO_COLOR` and `FORCE_COLOR` (set and not empty), then asks the stream."""
    if wish != "auto":
        return wish == "always"
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return bool(environ.get("FORCE_COLOR")) or stream.isatty()


def _render(
    report: Report, options: CheckOptions, *, colour: bool, environ: Mapping[str, str]
) -> str:
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
        width=_width(environ),
        verbose=options.verbose,
        suggest=options.suggest,
        fix_hint=options.fix_hint,
    )


def _width(environ: Mapping[str, str]) -> int:
    """``COLUMNS`` if it is set, as everywhere; else what the terminal says, if there is one."""
    columns = environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdecimal() and int(columns[:6]) > 0:
        return int(columns[:6])
    return shutil.get_terminal_size((_WIDTH, 24)).columns if sys.stdout.isatty() else _WIDTH


def _print(text: str) -> None:
    """Write to standard output; a reader that has seen enough (`| head`) is no error."""
    try:
        # A terminal that cannot show a character gets its escape, not a traceback.
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
