"""What a survey found, for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from trueup.features.survey.ask import Answer
from trueup.features.survey.report import SurveyReport

__all__ = ["answer_csv", "answer_json", "render_survey_json"]

_SCHEMA_VERSION = 1


def render_survey_json(report: SurveyReport) -> str:
    """The report as a JSON text that ends with a line break; times are ISO 8601, in UTC."""
    document = {
        "schema_version": _SCHEMA_VERSION,
        "dataset": report.where,
        "files": report.rows,
        "releases": report.releases,
        "projects": report.projects,
        "audited": report.audited,
        "differing": report.differing,
        "imports": list(report.imports),
        "sample": None if report.sample is None else _sample(report),
        "questions": [
            {
                "name": question.name,
                "title": question.title,
                "method": question.method,
                "sql": question.sql,
                "rows": answer.records(),
            }
            for question, answer in report.answers
        ],
        "change": None if report.change is None else asdict(report.change),
    }
    return _text(document)


def _sample(report: SurveyReport) -> Mapping[str, Any]:
    assert report.sample is not None
    return {
        "seed": report.sample.seed,
        "population": report.sample.population,
        "projects": len(report.sample.projects),
        "estimates": [asdict(one) for one in report.estimates],
    }


def answer_json(answer: Answer) -> str:
    """The rows of an answer as a JSON list of objects."""
    return _text(answer.records())


def answer_csv(answer: Answer) -> str:
    """The answer as CSV with a header; lists are JSON."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(answer.columns)
    for row in answer.rows:
        writer.writerow(
            json.dumps(value, default=str) if isinstance(value, (list, dict)) else value
            for value in row
        )
    return target.getvalue()


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, default=_plain, ensure_ascii=False) + "\n"


def _plain(value: object) -> str:
    iso = getattr(value, "isoformat", None)
    return str(iso()) if iso is not None else str(value)
