"""The results of a survey, opened in DuckDB: any question in SQL, and those that are published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup.features.survey.run import manifest_of
from trueup.features.survey.tables import TABLES
from trueup.model.errors import SourceError, UsageError
from trueup.sources.dataset import Dataset
from trueup.sources.duck import duck, parquet

__all__ = ["Answer", "Question", "Results", "open_results", "questions"]

_QUESTIONS = Path(__file__).parent / "questions"
_EMPTY = (
    "CREATE VIEW downloads AS SELECT NULL::VARCHAR AS project, NULL::BIGINT AS downloads LIMIT 0"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A published question: its file, what it asks, how it is answered, and the SQL."""

    name: str
    title: str
    method: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The columns and the rows of an answer."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def records(self) -> list[Mapping[str, Any]]:
        """The rows as mappings."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def questions() -> list[Question]:
    """The published questions, by name: each a `.sql` file whose comment documents it."""
    return [_question(path) for path in sorted(_QUESTIONS.glob("*.sql"))]


def _question(path: Path) -> Question:
    sql = path.read_text("utf-8")
    comment = [line.removeprefix("--").strip() for line in sql.splitlines() if line[:2] == "--"]
    title, _, *method = comment
    return Question(name=path.stem, title=title, method=" ".join(method), sql=sql)


class Results:
    """The tables of a dataset, and whatever is asked of them."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def ask(self, sql: str, values: Sequence[Any] = ()) -> Answer:
        """The answer to any SQL over `files`, `releases`, `findings`, `variants`, `projects`.

        Raises UsageError with DuckDB's words for SQL that cannot be run.
        """
        import duckdb

        try:
            cursor = self._connection.execute(sql, list(values))
            rows = cursor.fetchall()
        except duckdb.Error as error:
            raise UsageError(f"the question cannot be asked: {error}") from error
        columns = tuple(column[0] for column in cursor.description or ())
        return Answer(columns=columns, rows=tuple(rows))

    def table(self, sql: str) -> Any:
        """The answer as an Arrow table, for another one to ask: see :meth:`give`."""
        return self._connection.sql(sql).to_arrow_table()

    def give(self, name: str, table: Any) -> None:
        """Make an Arrow table known under a name."""
        self._connection.register(name, table)

    def answer(self, name: str) -> Answer:
        """The answer to a published question; raises UsageError for one that is not."""
        for question in questions():
            if question.name == name:
                return self.ask(question.sql)
        known = ", ".join(f"`{question.name}`" for question in questions())
        raise UsageError("no such question", found=f"`{name}`", expected=f"one of {known}")

    def give_downloads(self, path: Path) -> None:
        """Use a table of downloads: a CSV or Parquet file with `project` and `downloads`."""
        # DuckDB takes no parameters in a view.
        quoted = str(path).replace("'", "''")
        self._connection.execute("DROP VIEW downloads")
        table = f"CREATE VIEW given_downloads AS FROM '{quoted}'"
        try:
            self.ask(table)
            self.ask(
                "CREATE VIEW downloads AS"
                " SELECT lower(regexp_replace(project, '[-_.]+', '-', 'g')) AS project,"
                " sum(downloads)::BIGINT AS downloads FROM given_downloads GROUP BY 1"
            )
        except UsageError as error:
            raise SourceError(
                f"cannot be used: {error.what}",
                expected="a CSV or Parquet file with the columns `project` and `downloads`",
                place=(str(path),),
            ) from error


@contextmanager
def open_results(dataset: Dataset, *, memory: str | None = None) -> Iterator[Results]:
    """The results of a dataset, for the length of a block; raises SourceError if there are none."""
    manifest_of(dataset)
    with ExitStack() as stack:
        found: dict[str, list[Path]] = {}
        for part in dataset.parts("results/"):
            if part.key.endswith(".parquet"):
                path = stack.enter_context(dataset.fetched(part.key))
                found.setdefault(path.stem, []).append(path)
        missing = set(TABLES) - set(found)
        if missing and not dataset.parts("files/"):
            raise SourceError(
                "has no rows",
                hint="`trueup survey crawl`, `load` and `walk` bring them",
                place=(dataset.where,),
            )
        if missing:
            raise SourceError(
                "has not been judged",
                hint=f"`trueup survey audit {dataset.where}`",
                place=(dataset.where,),
            )
        found["files"] = [
            stack.enter_context(dataset.fetched(part.key)) for part in dataset.parts("files/")
        ]
        connection = stack.enter_context(duck(memory=memory))
        for name, paths in found.items():
            connection.execute(
                f"CREATE VIEW {name} AS SELECT * EXCLUDE (part) FROM {parquet(paths)}"  # noqa: S608
            )
        connection.execute(_EMPTY)
        yield Results(connection)
