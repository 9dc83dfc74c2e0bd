"""What a survey found, as text for people; and the answer to any question as a table."""

from __future__ import annotations

from collections.abc import Iterator

from trueup.features.survey.ask import Answer
from trueup.features.survey.report import Change, SurveyReport
from trueup.interfaces.report.columns import columns
from trueup.interfaces.report.page import Page, join_blocks
from trueup.interfaces.report.surveywords import (
    CLASS_WORDS,
    ESTIMATE_COLUMNS,
    cell,
    estimate_rows,
    import_words,
    sample_words,
    summary,
)
from trueup.interfaces.report.words import count, printable

__all__ = ["render_answer_text", "render_survey_text"]

_SHOWN = 15
_LEAD = ("classes",)
"""Told first, the other questions follow by name."""


def render_survey_text(
    report: SurveyReport, *, colour: bool, width: int, verbose: bool = False
) -> str:
    """The report as text that ends with a line break; ``verbose`` shows every row."""
    page = Page(colour=colour, width=max(width, 40), verbose=verbose)
    blocks = list(_blocks(report, page))
    return "\n".join(join_blocks(blocks)) + "\n"


def _blocks(report: SurveyReport, page: Page) -> Iterator[list[str]]:
    yield page.wrap(summary(report), "")
    if report.imports:
        yield [
            page.paint("Where the rows come from", bold=True),
            *(
                line
                for one in report.imports
                for line in page.wrap(import_words(one), "  ", "    ")
            ),
        ]
    if report.sample is not None:
        yield [
            page.paint("What the sample says of the whole", bold=True),
            *page.wrap(sample_words(report.sample), "  "),
            "",
            *columns(
                [ESTIMATE_COLUMNS, *estimate_rows(report.estimates)],
                width=page.width,
                right=set(range(1, 9)),
            ),
        ]
    ordered = sorted(report.answers, key=lambda item: (item[0].name not in _LEAD, item[0].name))
    for question, answer in ordered:
        if answer.rows:
            lines = [page.paint(question.title, bold=True), *_table(answer, page)]
            if question.name == "classes":
                lines += ["", *_legend(answer, page)]
            yield lines
    if report.change is not None:
        yield _change(report.change, page)


def _legend(answer: Answer, page: Page) -> list[str]:
    found = [str(row[0]) for row in answer.rows]
    return [
        line
        for name in found
        if name in CLASS_WORDS
        for line in page.wrap(f"{name}: {CLASS_WORDS[name]}", "  ", "    ")
    ]


def _table(answer: Answer, page: Page) -> list[str]:
    rows = answer.rows if page.verbose else answer.rows[:_SHOWN]
    cells = [
        tuple(printable(cell(name, value)) for name, value in zip(answer.columns, row, strict=True))
        for row in rows
    ]
    header = tuple(name.replace("_", " ") for name in answer.columns)
    figures = {
        number
        for number in range(len(header))
        if all(isinstance(row[number], (int, float, type(None))) for row in rows)
    }
    lines = columns([header, *cells], width=page.width, right=figures)
    lines[0] = page.paint(lines[0], "cyan")
    left = len(answer.rows) - len(rows)
    return [*lines, f"  … and {left:,} more; `-v` shows them"] if left else lines


def _change(change: Change, page: Page) -> list[str]:
    lines = [page.paint(f"Since {change.where}", bold=True)]
    lines += page.wrap(f"{count(change.same, 'release')} have the class that they had", "  ")
    for before, after, number, names in change.groups:
        words = f"{before or 'not there'} → {after or 'gone'}: {number:,}, such as {', '.join(names[:5])}"
        lines += page.wrap(words, "  ", "    ")
    return lines


def render_answer_text(answer: Answer, *, colour: bool, width: int) -> str:
    """The whole answer as a table."""
    if not answer.columns:
        return ""
    page = Page(colour=colour, width=max(width, 40), verbose=True)
    return "\n".join(_table(answer, page)) + "\n"
