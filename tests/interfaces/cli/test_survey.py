"""`trueup survey` as a user runs it: load, audit, report, query, and what it says of mistakes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests import corpus
from tests.bulk.generate import generate
from tests.rows import recorded_rows, row
from tests.surveyed import audited, dataset_of
from trueup.features.survey.sample import Sample, Stratum, keep_sample
from trueup.interfaces.cli.main import main
from trueup.sources.dataset import FolderDataset

LINUX = "demo-1.0-py3-none-manylinux_2_17_x86_64.whl"
WINDOWS = "demo-1.0-py3-none-win_amd64.whl"


def told(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    found = main(["survey", *map(str, arguments)])
    captured = capsys.readouterr()
    assert found == code, captured.err
    return captured.out if code != 2 else captured.err


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded releases, judged."""
    folder = tmp_path_factory.mktemp("survey")
    dataset_of(folder, (each for name in corpus.NAMES for each in recorded_rows(name)))
    audited(folder)
    return folder


def test_from_an_export_to_the_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generate(tmp_path, rows=3_000, seed=2)
    text = told(capsys, "load", tmp_path / "d", tmp_path / "export", "--buckets", 4)
    assert "rows of 1 files" in text
    assert "not in the export, so not known: provides_extra, dynamic, yanked" in text
    text = told(capsys, "audit", tmp_path / "d")
    assert text.splitlines()[0].endswith("releases in 4 buckets, 0 of them as they were")
    assert "4 of them as they were" in told(capsys, "audit", tmp_path / "d", "--shard", "1/1")
    text = told(capsys, "report", tmp_path / "d")
    assert "Where the rows come from\n" in text
    assert "copied from their release, so not auditable" in " ".join(text.split())
    assert "Do the files of a release agree?\n" in text


def test_the_report_says_what_the_corpus_is_known_for(
    judged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = told(capsys, "report", judged)
    assert text.startswith("20 releases of 124 that could be audited differ in what they ask for")
    assert "\n  irreconcilable          3 " in text
    assert "\n  tensorflow " in text


def test_json_holds_every_answer_with_its_question(
    judged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(told(capsys, "report", judged, "--format", "json"))
    assert (found["schema_version"], found["audited"], found["differing"]) == (1, 124, 20)
    questions = {one["name"]: one for one in found["questions"]}
    assert questions["classes"]["rows"][0]["class"] == "identical"
    assert all(one["title"].endswith("?") for one in questions.values())
    assert all(len(one["method"]) > 30 for one in questions.values())


def test_the_page_is_written_whole(
    judged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "survey.html"
    told(capsys, "report", judged, "--format", "html", "-o", target, "--title", "A <b> title")
    text = target.read_text("utf-8")
    assert "A &lt;b&gt; title" in text
    assert text.count("<svg ") == 6
    assert "http://" not in text.replace("http://www.w3.org/", "")


def test_downloads_order_the_projects(
    judged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "downloads.csv"
    table.write_text("project,downloads\nRay,5000\nxgboost,70\nxgboost,7\n")
    found = json.loads(
        told(capsys, "report", judged, "--format", "json", "--downloads", table)
    )["questions"]  # fmt: skip
    rows = next(one["rows"] for one in found if one["name"] == "projects")
    assert [(one["project"], one["downloads"]) for one in rows[:3]] == [
        ("ray", 5000), ("xgboost", 77), ("tensorflow", None)
    ]  # fmt: skip
    table.write_text("name,number\nray,1\n")
    assert "the columns `project` and `downloads`" in told(
        capsys, "report", judged, "--downloads", table, code=2
    )


def test_what_changed_between_two_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = row("other-1.0-py3-none-any.whl")
    old = dataset_of(tmp_path / "old", [row(LINUX, ["a"]), row(WINDOWS), other])
    new = dataset_of(tmp_path / "new", [row(LINUX, ["a"]), row(WINDOWS, ["a"])], buckets=8)
    for folder in (old, new):
        audited(folder)
    text = told(capsys, "report", new, "--compare", old)
    assert "mergeable → identical: 1, such as demo 1.0" in text
    assert "single → gone: 1, such as other 1.0" in text


def test_a_sample_is_told_with_its_doubt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        row(f"p{number}-1.0-py3-none-{tag}.whl", ["a"] if number < 3 and tag == "any" else [])
        for number in range(40)
        for tag in ("win_amd64", "any")
    ]
    audited(dataset_of(tmp_path, rows))
    stratum = Stratum(
        name="all", population=4_000, projects=tuple(f"p{number}" for number in range(40))
    )
    keep_sample(FolderDataset(tmp_path), Sample(seed=9, strata=(stratum,)))
    text = told(capsys, "report", tmp_path)
    assert "40 projects of 4,000 were drawn (seed 9)" in text
    line, *_ = (
        one for one in text.splitlines() if one.startswith("  irreconcilable          3   ")
    )
    assert line.split() == ["irreconcilable", *["3", "7.50%", "2.56%", "19.99%"] * 2]
    found = json.loads(told(capsys, "report", tmp_path, "--format", "json"))["sample"]
    assert (found["population"], found["projects"], len(found["estimates"])) == (4_000, 40, 2)
    assert "What the sample says of the whole" in told(
        capsys, "report", tmp_path, "--format", "html"
    )


def test_any_question(judged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT project, apart_by FROM releases WHERE class = 'irreconcilable' ORDER BY 1"
    rows = list(csv.reader(io.StringIO(told(capsys, "query", judged, sql, "--format", "csv"))))
    assert [one[0] for one in rows] == ["project", "apache-beam", "mxnet", "xgboost"]
    assert json.loads(told(capsys, "query", judged, "fields", "--format", "json"))[0] == {
        "field": "Requires-Dist", "releases": 20, "projects": 15
    }  # fmt: skip
    assert "irreconcilable" in told(capsys, "query", judged, "classes")
    listed = told(capsys, "query", judged)
    assert "classes     Do the files of a release agree?\n" in listed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["report", "{empty}"], "is no dataset of a survey, expected `survey.json` in it"),
        (["query", "{judged}", "nothing"], "no such question: found `nothing`, expected one of"),
        (["query", "{judged}", "SELECT nothing FROM releases"], "nothing"),
        (["audit", "{judged}", "--shard", "3/2"], "`--shard`: found `3/2`, expected `K/N`"),
        (["audit", "{judged}", "--memory", "much"], "expected a size such as `512MB`"),
        (["load", "{judged}", "{empty}"], "has no `.parquet` file"),
    ],
)
def test_mistakes_are_named(
    judged: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    expected: str,
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"judged": judged, "empty": tmp_path / "empty"}
    text = told(capsys, *(part.format_map(places) for part in arguments), code=2)
    assert expected in " ".join(text.split())


def test_what_was_not_judged_is_told_how(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset_of(tmp_path, [row(LINUX)])
    assert "hint: `trueup survey audit" in told(capsys, "report", tmp_path, code=2)
