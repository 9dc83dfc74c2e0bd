"""The words in which a survey is told, whatever the form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from trueup.features.survey.report import SurveyReport
from trueup.features.survey.sample import Estimate, Sample
from trueup.interfaces.report.words import count

__all__ = [
    "CLASS_WORDS",
    "ESTIMATE_COLUMNS",
    "cell",
    "estimate_rows",
    "import_words",
    "sample_words",
    "summary",
]

CLASS_WORDS = {
    "identical": "all wheels say the same",
    "uniform": "they differ as written, and mean the same everywhere",
    "mergeable": "they differ; one list with markers can serve all",
    "irreconcilable": "they differ where no marker can tell",
    "unknown": "too many environments to decide",
    "not auditable": "fewer than two files say something for themselves",
    "single": "one file only",
}


def summary(report: SurveyReport) -> str:
    """One sentence."""
    share = f" ({report.differing / report.audited:.2%})" if report.audited else ""
    return (
        f"{count(report.differing, 'release')} of {report.audited:,} that could be audited "
        f"differ in what they ask for{share}; {count(report.releases, 'release')} of "
        f"{count(report.projects, 'project')} with {count(report.rows, 'file')} were looked at"
    )


def import_words(record: Mapping[str, Any]) -> str:
    """How rows came in, from the record that the import left."""
    said = [f"{record.get('origin', 'unnamed')}: {record.get('rows', 0):,} rows"]
    for name, words in (
        ("duplicates", "stood there twice"),
        ("release_level", "copied from their release, so not auditable"),
        ("nameless", "without a name"),
        ("problems", "not read"),
    ):
        value = record.get(name)
        number = len(value) if isinstance(value, list) else value
        if number:
            said.append(f"{number:,} {words}")
    if record.get("missing"):
        said.append(f"not in the source: {', '.join(record['missing'])}")
    return "; ".join(said)


def cell(column: str, value: object) -> str:
    """A value of an answer as a reader wants it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float() if column == "share" or column.startswith(("low", "high")):
            return f"{value:.2%}"
        case float():
            return f"{value:,.3g}"
        case int() if column.endswith("year"):
            return str(value)
        case int():
            return f"{value:,}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case list() | tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def sample_words(sample: Sample) -> str:
    """How the sample was drawn, and what its figures are."""
    strata = f" in {len(sample.strata)} strata" if len(sample.strata) > 1 else ""
    return (
        f"{count(len(sample.projects), 'project')} of {sample.population:,} were drawn{strata} "
        f"(seed {sample.seed}). Intervals are meant to hold the truth about the whole in 95 of 100 "
        "samples; that of releases does so less often where a few projects have most releases"
    )


ESTIMATE_COLUMNS = ("class", "projects", "share of projects", "from", "to", "releases",
                    "share of releases", "from", "to")  # fmt: skip


def estimate_rows(estimates: Iterable[Estimate]) -> list[tuple[str, ...]]:
    """What the sample says of the whole, a row per class; see ESTIMATE_COLUMNS."""
    return [
        (
            one.release_class,
            f"{one.projects:,}",
            f"{one.projects_share:.2%}",
            f"{one.projects_low:.2%}",
            f"{one.projects_high:.2%}",
            f"{one.releases:,}",
            f"{one.share:.2%}",
            f"{one.low:.2%}",
            f"{one.high:.2%}",
        )
        for one in estimates
    ]
