"""`trueup survey query`: any question in SQL, or a published one by its name."""

from __future__ import annotations

import os
import re
import sys

import click

from trueup.interfaces.cli.answer import say, use_colour, width_of

__all__ = ["command"]


@click.command("query")
@click.argument("dataset")
@click.argument("sql", required=False)
@click.option(
    "form", "--format", type=click.Choice(("text", "csv", "json")), default="text",
    show_default=True, help="How the answer is written.",
)  # fmt: skip
def command(dataset: str, sql: str | None, form: str) -> None:
    """Ask DATASET any SQL, or a published question by its NAME; without one, list those.

    There are the tables `releases`, `findings`, `variants`, `projects` and `files`.
    """
    from trueup.features.survey.ask import open_results, questions
    from trueup.interfaces.report.surveyjson import answer_csv, answer_json
    from trueup.interfaces.report.surveytext import render_answer_text
    from trueup.sources.dataset import open_dataset

    if sql is None:
        width = max(len(question.name) for question in questions())
        for question in questions():
            click.echo(f"{question.name:{width}}  {question.title}")
        return
    with open_results(open_dataset(dataset)) as results:
        named = re.fullmatch(r"[a-z_]+", sql)
        answer = results.answer(sql) if named else results.ask(sql)
    if form == "csv":
        say(answer_csv(answer))
    elif form == "json":
        say(answer_json(answer))
    else:
        colour = use_colour("auto", sys.stdout, os.environ)
        say(render_answer_text(answer, colour=colour, width=width_of(os.environ)))
