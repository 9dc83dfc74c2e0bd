"""What a crawl has done survives it, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from trueup.model.errors import SourceError, UsageError
from trueup.sources.crawl.journal import Journal
from trueup.sources.crawl.parts import write_parts
from trueup.sources.crawl.records import CrawledRow, Outcome, ProjectRows, Settled, Tally
from trueup.sources.crawl.texts import Text
from trueup.sources.dataset import FolderDataset
from trueup.sources.filetable import read_rows

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TEXT = Text(sha256="ab" * 32, metadata_version="2.4", requires_dist=("a",))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dataset" / "crawl" / "journal.sqlite3"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with Journal(path, manner="all") as journal:
        yield journal


def rows(*filenames: str) -> ProjectRows:
    return ProjectRows(
        [TEXT],
        [CrawledRow(name, "wheel", "1.0", "sidecar", 0, None, None, "2026-01-02T03:04:05Z", 7,
                    "cd" * 32, TEXT.sha256, None) for name in filenames],
    )  # fmt: skip


def settled(name: str, outcome: str = Outcome.READ, **others: object) -> Settled:
    found = rows(f"{name}-1.0-py3-none-any.whl") if outcome == Outcome.READ else None
    return Settled(name=canonicalize_name(name), outcome=outcome, rows=found, **others)  # type: ignore[arg-type]


def names(journal: Journal) -> list[str]:
    return [known.name for known in journal.todo("", 100)]


def begun(journal: Journal, serials: dict[str, int | None], request: str = "r") -> None:
    assert not journal.begin(request)
    journal.want(serials.items())
    journal.listed()


def written(journal: Journal, folder: Path) -> list[tuple[str, int]]:
    """The rows that all parts have, with the number of the part's import."""
    origins = sorted({path.name for path in folder.glob("files/*/*.parquet")})
    return sorted(
        (row.filename, origins.index(path.name))
        for path in folder.glob("files/*/*.parquet")
        for row in read_rows(path)
    )


def taken_over(journal: Journal, folder: Path) -> str | None:
    origin = journal.gather(NOW)
    if origin is not None:
        write_parts(str(journal.path), str(folder), origin, 4)
        journal.forget(origin)
    return origin


def test_a_crawl_goes_on_where_it_stopped(path: Path) -> None:
    with Journal(path, manner="all") as journal:
        begun(journal, {"a": 1, "b": 2, "c": 3})
        journal.settle(settled("b"))
        journal.flush()
    with Journal(path, manner="all") as journal:
        assert journal.begin("r"), "the list is not asked for again"
        assert names(journal) == ["a", "c"]
        assert journal.tally() == Tally(wanted=3, left=2, read=1)


def test_a_list_that_was_cut_off_is_read_again(path: Path) -> None:
    with Journal(path) as journal:
        journal.begin("r")
        journal.want({"a": 1}.items())
    with Journal(path) as journal:
        assert not journal.begin("r")
        assert journal.number == 1


@pytest.mark.parametrize(
    ("request_", "manner", "expected"),
    [
        ("r", "all", ["c"]),
        ("other", "all", ["c"]),
        ("r", "sdists", ["a", "b", "c"]),
    ],
)
def test_the_next_crawl_reads_what_has_changed(
    path: Path, request_: str, manner: str, expected: list[str]
) -> None:
    with Journal(path, manner="all") as journal:
        begun(journal, {"a": 1, "b": 2, "c": 3})
        for name in "abc":
            journal.settle(settled(name))
        journal.flush()
        journal.finish()
    with Journal(path, manner=manner) as journal:
        begun(journal, {"a": 1, "b": 2, "c": 4}, request_)
        assert names(journal) == expected


@pytest.mark.parametrize(
    ("one", "again"),
    [
        (settled("a", etag='"x"'), False),
        (settled("a", etag='"x"', whole=False), True),
        (settled("a", Outcome.GONE), True),
        (settled("a", Outcome.UNREAD, problem="garbage"), True),
    ],
)
def test_what_was_not_read_is_asked_for_again_though_nothing_changed(
    journal: Journal, one: Settled, again: bool
) -> None:
    begun(journal, {"a": 1})
    journal.settle(one)
    journal.flush()
    journal.finish()
    begun(journal, {"a": 1})
    assert names(journal) == (["a"] if again else [])
    # Without a serial number the page's validator is used instead, if all of it was read.
    begun(journal, {"a": None}, "other")
    (known,) = journal.todo("", 9)
    assert known.etag == (None if again else '"x"')


def test_a_validator_survives_a_page_that_has_not_changed(journal: Journal) -> None:
    begun(journal, {"a": None})
    journal.settle(settled("a", etag='"x"'))
    journal.flush()
    for request in ("second", "third"):
        begun(journal, {"a": None}, request)
        (known,) = journal.todo("", 9)
        assert known.etag == '"x"'
        journal.settle(settled("a", Outcome.SAME))
        journal.flush()
    assert journal.tally() == Tally(wanted=1, same=1)


def test_some_versions_are_not_the_project(journal: Journal) -> None:
    journal.begin("some")
    journal.want_versions([("a", ("1.0",)), ("b", None)])
    journal.listed()
    assert [known.versions for known in journal.todo("", 9)] == [("1.0",), None]
    for name in "ab":
        journal.settle(settled(name, etag='"x"'))
    journal.flush()
    begun(journal, {"a": None, "b": None})
    assert [known.etag for known in journal.todo("", 9)] == [None, '"x"']


def test_rows_become_parts_once(journal: Journal, tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    begun(journal, {"a": 1, "b": 2, "c": 3})
    for name in "ab":
        journal.settle(settled(name))
    first = taken_over(journal, folder)
    assert first == "20261121T000000-crawl"
    journal.settle(settled("c"))
    # The clock stands still: the second import has a name of its own all the same.
    assert taken_over(journal, folder) == "20261121T000001-crawl"
    assert taken_over(journal, folder) is None
    assert written(journal, folder) == [
        ("a-1.0-py3-none-any.whl", 0), ("b-1.0-py3-none-any.whl", 0), ("c-1.0-py3-none-any.whl", 1)
    ]  # fmt: skip


def test_an_import_that_was_interrupted_is_written_again_with_the_same_rows(
    path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "dataset"
    with Journal(path) as journal:
        begun(journal, {"a": 1, "b": 2})
        journal.settle(settled("a"))
        origin = journal.gather(NOW)
        assert origin is not None
        write_parts(str(path), str(folder), origin, 4)
    before = {part: part.read_bytes() for part in folder.glob("files/*/*.parquet")}
    with Journal(path) as journal:
        journal.begin("r")
        journal.settle(settled("b"))
        assert journal.unfinished() == origin
        write_parts(str(path), str(folder), origin, 4)
        journal.forget(origin)
        assert (journal.unfinished(), journal.last) == (None, origin)
        assert {part: part.read_bytes() for part in before} == before
        assert taken_over(journal, folder) is not None
        assert [name[0] for name, _ in written(journal, folder)] == ["a", "b"]


def test_a_journal_can_be_begun_anew(journal: Journal, tmp_path: Path) -> None:
    begun(journal, {"a": 1})
    journal.settle(settled("a", texts=[(b"mx", TEXT)]))
    first = taken_over(journal, tmp_path / "dataset")
    journal.begin_anew()
    begun(journal, {"a": 1})
    assert names(journal) == ["a"]
    assert journal.last is None
    journal.settle(settled("a"))
    assert taken_over(journal, tmp_path / "dataset") != first, "names are not given twice"


def test_parts_are_cut_between_projects(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trueup.sources.crawl.parts._ROWS_OF_A_PART", 3)
    projects = [f"p{number}" for number in range(10)]
    begun(journal, dict.fromkeys(projects))
    for name in projects:
        found = rows(*(f"{name}-1.{number}-py3-none-any.whl" for number in range(2)))
        journal.settle(Settled(name=canonicalize_name(name), outcome=Outcome.READ, rows=found))
    origin = journal.gather(NOW)
    assert origin is not None
    told = write_parts(str(journal.path), str(tmp_path / "dataset"), origin, 1)
    assert (told.projects, told.rows, told.sources) == (10, 20, {"sidecar": 20})
    parts = FolderDataset(tmp_path / "dataset").parts("files/0000/")
    assert len(parts) == 5
    found_rows = [row for part in parts
                  for row in read_rows(tmp_path / "dataset" / part.key)]  # fmt: skip
    assert [row.filename for row in found_rows] == sorted(row.filename for row in found_rows)
    (first, *_) = found_rows
    assert (first.requires_dist, first.metadata_version) == (("a",), "2.4")
    assert first.uploaded == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_texts_are_kept_for_the_next_crawl(path: Path) -> None:
    with Journal(path) as journal:
        begun(journal, {"a": 1})
        assert journal.text(b"mx") is None
        journal.settle(settled("a", texts=[(b"mx", TEXT)]))
        journal.flush()
    with Journal(path) as journal:
        assert journal.text(b"mx") == TEXT
        assert journal.text(b"my") is None


def test_two_crawls_do_not_share_a_journal(journal: Journal) -> None:
    with pytest.raises(UsageError, match="another crawl"):
        Journal(journal.path)


def test_a_journal_that_is_none_is_named(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"something else, and long enough to be looked at" * 99)
    with pytest.raises(SourceError, match=r"journal\.sqlite3.*cannot be used"):
        Journal(path)
