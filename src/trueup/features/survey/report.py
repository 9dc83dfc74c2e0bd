"""Everything a survey answers, gathered once for all forms of the report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup.features.survey.ask import Answer, Question, open_results, questions
from trueup.features.survey.sample import Estimate, Sample, estimates, kept_sample
from trueup.sources.dataset import Dataset

__all__ = ["Change", "SurveyReport", "gather"]

_CHANGED = """
    SELECT coalesce(new.project, old.project) AS project, coalesce(new.version, old.version) AS version,
        old.class AS before, new.class AS after
    FROM old FULL JOIN releases AS new USING (project, version)
    WHERE old.class IS DISTINCT FROM new.class
    ORDER BY ALL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of the releases of an older run: (before, after, how many, some of them).

    A class is None where the release was not there.
    """

    where: str
    same: int
    groups: tuple[tuple[str | None, str | None, int, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyReport:
    """The answers to all published questions about a dataset.

    ``imports`` are the records of how its rows came in, newest last.
    """

    where: str
    rows: int
    releases: int
    projects: int
    audited: int
    differing: int
    imports: tuple[Mapping[str, Any], ...]
    answers: tuple[tuple[Question, Answer], ...]
    sample: Sample | None = None
    estimates: tuple[Estimate, ...] = ()
    change: Change | None = None

    def answer(self, name: str) -> Answer:
        """The answer to the question of that name."""
        return next(answer for question, answer in self.answers if question.name == name)


def gather(
    dataset: Dataset,
    *,
    downloads: Path | None = None,
    compare: Dataset | None = None,
    memory: str | None = None,
) -> SurveyReport:
    """Ask every question; raises SourceError for a dataset that was not judged.

    ``compare`` is the dataset of an older run.
    """
    with open_results(dataset, memory=memory) as results:
        if downloads is not None:
            results.give_downloads(downloads)
        answers = tuple((question, results.ask(question.sql)) for question in questions())
        ((rows, releases, projects, audited, differing),) = results.ask(
            "SELECT sum(files)::BIGINT, count(*), count(DISTINCT project), "
            "count(*) FILTER (class NOT IN ('single', 'not auditable')), "
            "count(*) FILTER (class IN ('mergeable', 'irreconcilable')) FROM releases"
        ).rows
        sample = kept_sample(dataset)
        estimated = () if sample is None else estimates(results, sample)
        change = None if compare is None else _change(results, compare)
    return SurveyReport(
        where=dataset.where,
        rows=rows or 0,
        releases=releases,
        projects=projects,
        audited=audited,
        differing=differing,
        imports=_imports(dataset),
        answers=answers,
        sample=sample,
        estimates=estimated,
        change=change,
    )


def _imports(dataset: Dataset) -> tuple[Mapping[str, Any], ...]:
    found = (dataset.read(part.key) for part in dataset.parts("imports/"))
    return tuple(json.loads(data) for data in found if data is not None)


def _change(results: Any, compare: Dataset) -> Change:
    with open_results(compare) as older:
        table = older.table("SELECT project, version, class FROM releases")
    results.give("old", table)
    answer = results.ask(_CHANGED)
    ((same,),) = results.ask(
        "SELECT count(*) FROM old JOIN releases AS new USING (project, version, class)"
    ).rows
    groups: dict[tuple[str | None, str | None], list[str]] = {}
    for project, version, before, after in answer.rows:
        groups.setdefault((before, after), []).append(f"{project} {version}")
    return Change(
        where=compare.where,
        same=same,
        groups=tuple(
            (before, after, len(names), tuple(names[:20]))
            for (before, after), names in sorted(
                groups.items(), key=lambda item: (-len(item[1]), str(item[0]))
            )
        ),
    )
