"""The reference on the tables of a survey says what the tables are, and what is asked of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tests.rows import row
from tests.surveyed import audited, dataset_of
from trueup.features.survey.ask import Results, open_results, questions
from trueup.features.survey.tables import FINDINGS, VARIANTS, VERDICTS
from trueup.model.filerow import AUDITABLE, Provenance
from trueup.sources.dataset import FolderDataset
from trueup.sources.filetable import SCHEMA

PAGE = Path(__file__).parents[3] / "docs/reference/survey-tables.md"
TABLES = ("files", "releases", "findings", "variants", "projects")


def cells(heading: str) -> list[tuple[str, ...]]:
    """The rows of the first table under a heading."""
    section = PAGE.read_text("utf-8").split(f"\n{heading}\n")[1]
    lines = section.split("|---|", 1)[1].split("\n\n")[0].splitlines()[1:]
    return [tuple(cell.strip() for cell in line.strip("| ").split(" | ")) for line in lines]


def unquoted(text: str) -> str:
    return re.fullmatch(r"`(.+)`", text)[1]  # type: ignore[index]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    """A dataset with a release that differs, so that no table is empty."""
    folder = tmp_path_factory.mktemp("survey")
    names = ("demo-1.0-py3-none-win_amd64.whl", "demo-1.0-py3-none-any.whl")
    dataset_of(folder, [row(name, [f"a{number}"]) for number, name in enumerate(names)])
    audited(folder)
    with open_results(FolderDataset(folder)) as found:
        yield found


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_documented_with_its_type(table: str, results: Results) -> None:
    found = results.ask(f"DESCRIBE {table}").records()
    real = [(str(column["column_name"]), str(column["column_type"])) for column in found]
    assert [(unquoted(name), kind) for name, kind, _ in cells(f"## `{table}`")] == real
    assert results.ask(f"SELECT count(*) FROM {table}").rows > ((0,),)


@pytest.mark.parametrize(
    ("table", "schema"),
    [("files", SCHEMA), ("findings", FINDINGS), ("variants", VARIANTS), ("releases", VERDICTS)],
)
def test_what_can_be_unknown_says_what_that_means(table: str, schema: pa.Schema) -> None:
    documented = {unquoted(name): meaning for name, _, meaning in cells(f"## `{table}`")}
    said = {field.name: "NULL" in documented[field.name] for field in schema}
    assert said == {field.name: field.nullable for field in schema}


def test_every_source_is_documented() -> None:
    documented = {
        unquoted(source): shows for source, _, shows in cells("## Where a row comes from")
    }
    assert documented == {
        source.value: "yes" if source in AUDITABLE else "no" for source in Provenance
    }


def test_every_class_is_documented(results: Results) -> None:
    asked = next(question for question in questions() if question.name == "classes")
    ordered = re.findall(r"'([a-z ]+)'", asked.sql.split("ORDER BY")[1])
    assert [unquoted(name) for name, _ in cells("### Classes")] == ordered


def test_every_published_question_is_documented() -> None:
    documented = [
        (unquoted(name), title, method)
        for name, title, method in cells("## The published questions")
    ]
    assert documented == [(one.name, one.title, one.method) for one in questions()]
