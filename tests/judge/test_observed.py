"""What a survey says is what `check` says, looked up or not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from packaging.utils import canonicalize_name

from tests import corpus
from tests.rows import recorded_rows, row
from trueup.judge.observed import NOT_AUDITABLE, Observer
from trueup.judge.release import judge_release
from trueup.model.filerow import FileRow, Provenance
from trueup.model.finding import ReleaseReport

LINUX = "demo-1.0-py3-none-manylinux_2_17_x86_64.whl"
WINDOWS = "demo-1.0-py3-none-win_amd64.whl"
MACOS = "demo-1.0-py3-none-macosx_11_0_arm64.whl"
SDIST = "demo-1.0.tar.gz"
OLD_GLIBC = "demo-1.0-py3-none-manylinux_2_5_x86_64.whl"


def says(report: ReleaseReport) -> tuple[object, ...]:
    dependencies = sorted(
        (one.code, one.files) for one in report.findings if one.field == "Requires-Dist"
    )
    return report.release_class.value, report.only_in, report.at_least, dependencies


@pytest.mark.parametrize("name", corpus.NAMES)
def test_it_says_what_check_says(name: str) -> None:
    release, rows = corpus.release(name), recorded_rows(name)
    report = judge_release(release)
    observed = Observer().observe(rows)
    if observed.release_class == NOT_AUDITABLE:
        assert sum(file.artifact.is_wheel for file in release.files) < 2
        return
    assert (observed.release_class, observed.only_in, observed.at_least) == says(report)[:3]
    assert (
        sorted((one.code, one.files) for one in observed.findings if one.field == "Requires-Dist")
        == says(report)[3]
    )
    assert all(one.version == str(release.version) for one in observed.findings)


def renamed(rows: list[FileRow], project: str, version: str) -> list[FileRow]:
    return [
        replace(
            one,
            project=canonicalize_name(project),
            version=version,
            filename=one.filename.replace("demo-1.0", f"{project}-{version}", 1),
        )
        for one in rows
    ]


def test_releases_that_look_alike_are_judged_once() -> None:
    observer = Observer()
    rows = [row(LINUX, ["a", "common"]), row(WINDOWS, ["common"]), row(SDIST, ["common"])]
    first = observer.observe(rows)
    second = observer.observe(renamed(rows, "other", "2.5"))
    assert (observer.judged, observer.looked_up) == (1, 1)
    assert first.release_class == second.release_class == "mergeable"
    assert {one.project for one in second.findings} == {"other"}
    assert second.findings[0].files == (
        "other-2.5-py3-none-manylinux_2_17_x86_64.whl",
        "other-2.5-py3-none-win_amd64.whl",
    )
    assert second == Observer().observe(renamed(rows, "other", "2.5"))


def test_a_requirement_on_the_project_itself_is_not_mistaken_for_another() -> None:
    observer = Observer()
    rows = [row(LINUX, ["demo[x]; extra == 'y'"]), row(WINDOWS, ["a"])]
    observer.observe(rows)
    observer.observe(renamed(rows, "other", "1.0"))
    assert (observer.judged, observer.looked_up) == (2, 0)


@pytest.mark.parametrize(
    ("rows", "expected", "sdist", "by"),
    [
        ([row(LINUX, ["a"]), row(WINDOWS, ["a"])], "identical", "none", ()),
        ([row(LINUX, ["a>=1"]), row(WINDOWS, ["A >= 1"])], "identical", "none", ()),
        ([row(LINUX, ["a"]), row(WINDOWS), row(SDIST)], "mergeable", "differs", ("platform",)),
        ([row(LINUX, ["a"]), row(OLD_GLIBC)], "irreconcilable", "none", ("libc",)),
        ([row(LINUX, ["a"]), row(WINDOWS, ["a"]), row(SDIST, ["a"])], "identical", "agrees", ()),
        (
            [row(LINUX, ["a"]), row(WINDOWS, ["a"]), row(SDIST, metadata_version="2.1")],
            "identical", "unknown", (),
        ),
        (
            [row(LINUX, ["a"]), row(WINDOWS, ["a"]), row(SDIST, dynamic=None)],
            "identical", "unknown", (),
        ),
        (
            [row(LINUX, ["a"]), row(WINDOWS, ["a"]), row(SDIST, dynamic=("Requires-Dist",))],
            "identical", "agrees", (),
        ),
        (
            [row(LINUX, ["a"], source=Provenance.RELEASE), row(WINDOWS, source=Provenance.RELEASE)],
            NOT_AUDITABLE, "none", (),
        ),
        (
            [row(LINUX, None, source=Provenance.UNREAD), row(WINDOWS)],
            NOT_AUDITABLE, "none", (),
        ),
        ([row(LINUX, ["a"], extras=None), row(WINDOWS, extras=["x"])], "mergeable", "none", ("platform",)),
    ],
)  # fmt: skip
def test_verdicts(rows: list[FileRow], expected: str, sdist: str, by: tuple[str, ...]) -> None:
    found = Observer().observe(rows)
    assert (found.release_class, found.sdist, found.by) == (expected, sdist, by)


def test_an_unread_file_makes_the_class_a_lower_bound() -> None:
    rows = [row(LINUX, ["a"]), row(WINDOWS, ["a"]), row(MACOS, None, source=Provenance.UNREAD)]
    assert Observer().observe(rows).at_least


def test_a_version_that_is_none_cannot_be_judged() -> None:
    found = Observer().observe(renamed([row(LINUX, ["a"]), row(WINDOWS)], "demo", "latest"))
    assert found.release_class == NOT_AUDITABLE
    assert found.reason == "its version is no version (PEP 440)"
