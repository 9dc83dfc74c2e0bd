"""`trueup survey report`: every published question, answered, as text, JSON or one HTML page."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trueup.interfaces.cli.answer import say, use_colour, width_of
from trueup.interfaces.cli.options import OUTPUT, TALK
from trueup.sources.output import write_atomically

if TYPE_CHECKING:
    from trueup.features.survey.report import SurveyReport

__all__ = ["command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The command line, field by field as its options are named."""

    dataset: str
    form: str
    output: str | None
    downloads: Path | None
    compare: str | None
    title: str
    colour: str
    verbose: bool
    quiet: bool


@click.command(
    "report",
    params=[
        click.Argument(["dataset"]),
        click.Option(
            ["form", "--format"],
            type=click.Choice(("text", "json", "html")),
            default="text",
            show_default=True,
            help="How the report is written.",
        ),
        OUTPUT,
        click.Option(
            ["downloads", "--downloads"],
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help="A CSV or Parquet file with `project` and `downloads`: the projects that are used "
            "most come first.",
        ),
        click.Option(
            ["compare", "--compare"],
            metavar="DATASET",
            help="Show what changed since this older dataset.",
        ),
        click.Option(
            ["title", "--title"], default="Survey", show_default=True, help="Of the HTML page."
        ),
        *TALK,
    ],
)
def command(**options: Any) -> None:
    """Answer every published question about a DATASET that was judged."""
    _run(_Options(**options))


def _run(options: _Options) -> None:
    from trueup.features.survey.report import gather
    from trueup.sources.dataset import open_dataset

    report = gather(
        open_dataset(options.dataset),
        downloads=options.downloads,
        compare=None if options.compare is None else open_dataset(options.compare),
    )
    to_file = options.output is not None and options.output != "-"
    colour = not to_file and use_colour(options.colour, sys.stdout, os.environ)
    text = _render(report, options, colour=colour, width=width_of(os.environ))
    if not to_file:
        say(text)
        return
    assert options.output is not None
    write_atomically(Path(options.output), text)
    if not options.quiet:
        click.echo(f"wrote `{options.output}`", err=True)


def _render(report: SurveyReport, options: _Options, *, colour: bool, width: int) -> str:
    if options.form == "html":
        from trueup.interfaces.report.surveyhtml import render_survey_html

        return render_survey_html(report, title=options.title)
    if options.form == "json":
        from trueup.interfaces.report.surveyjson import render_survey_json

        return render_survey_json(report)
    from trueup.interfaces.report.surveytext import render_survey_text

    return render_survey_text(report, colour=colour, width=width, verbose=options.verbose)
