"""What a survey found, as one self-contained HTML page."""

from __future__ import annotations

from trueup.features.survey.report import SurveyReport
from trueup.interfaces.report.html import render_page
from trueup.interfaces.report.surveycharts import charts
from trueup.interfaces.report.surveywords import (
    CLASS_WORDS,
    ESTIMATE_COLUMNS,
    cell,
    estimate_rows,
    import_words,
    sample_words,
    summary,
)

__all__ = ["render_survey_html"]

_ORDER = ("classes", "by_year", "by_wheels", "by_backend", "apart_by", "fields", "sdists",
          "projects", "requests", "evidence", "unread")  # fmt: skip


def render_survey_html(report: SurveyReport, *, title: str = "Survey") -> str:
    """The report as the text of one HTML page: no network, no script for the charts."""
    from markupsafe import Markup

    by_name = {question.name: (question, answer) for question, answer in report.answers}
    drawn = charts(report)
    names = [*(name for name in _ORDER if name in by_name), *sorted(set(by_name) - set(_ORDER))]
    return render_page(
        "survey.html",
        styles=("report.css", "survey.css"),
        title=title,
        summary=summary(report),
        report=report,
        parts=[
            (*by_name[name], Markup(drawn[name]) if name in drawn else None)  # noqa: S704 - ours
            for name in names
            if by_name[name][1].rows
        ],
        imports=[import_words(one) for one in report.imports],
        sample=None if report.sample is None else sample_words(report.sample),
        estimate_columns=ESTIMATE_COLUMNS,
        estimates=estimate_rows(report.estimates),
        class_words=CLASS_WORDS,
        cell=cell,
    )
