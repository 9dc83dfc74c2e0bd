"""Words about locks: targets in short, findings told once, counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.locksamples import LOCK_SAMPLES, MISSING, SOUND, TARGETS, UNPROVEN, UNSOUND
from trueup.interfaces.report.lockwords import (
    collapsed,
    lock_headline,
    lock_place,
    lock_summary,
    short_targets,
    told,
    unproven,
    unproven_words,
)
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.lockreport import NotProven
from trueup.model.target import parse_targets


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ("cp312-windows-amd64", ("cp312-windows-amd64",)),
        ("cp312-linux-x86_64", ("cp312-linux-x86_64-glibc2.17",)),
        ("cp310..cp314-windows-amd64", ("cp310..cp314-windows-amd64",)),
        ("cp39..cp310-windows-amd64", ("cp39..cp310-windows-amd64",)),
        (
            "cp310-windows-amd64,cp312-windows-amd64,cp313-windows-amd64",
            ("{cp310,cp312..cp313}-windows-amd64",),
        ),
        (
            "cp313..cp314-windows-amd64,cp313t..cp314t-windows-amd64",
            ("{cp313..cp314,cp313t..cp314t}-windows-amd64",),
        ),
        (
            "cp311-macos-arm64,pp311-macos-arm64",
            ("cp311-macos-arm64-14.0", "pp311-macos-arm64-14.0"),
        ),
        (
            "cp311..cp312-{windows-amd64,macos-arm64},cp311-windows-arm64",
            ("cp311-windows-arm64", "cp311..cp312-{macos-arm64-14.0,windows-amd64}"),
        ),
    ],
)
def test_targets_in_short(targets: str, expected: tuple[str, ...]) -> None:
    texts = [str(target) for target in parse_targets(targets)]
    assert sorted(short_targets(texts)) == sorted(expected)


@pytest.mark.parametrize("text", ["all", "linux", "musl", "macos,windows"])
def test_short_targets_are_the_same_targets(text: str) -> None:
    targets = parse_targets(text)
    assert parse_targets(",".join(short_targets(map(str, targets)))) == targets


def test_what_is_no_target_stays() -> None:
    assert short_targets(["cp312-windows-amd64", "my machine"]) == (
        "cp312-windows-amd64",
        "my machine",
    )


def in_place(where: str, **changes: object) -> Finding:
    files = ("xgboost-3.0.5-py3-none-any.whl",)
    evidence = (Evidence(files=files, says=("numpy",), where=where),)
    return replace(MISSING, where=where, evidence=evidence, **changes)  # type: ignore[arg-type]


def test_one_fault_in_many_environments_is_told_once() -> None:
    (one,) = collapsed(in_place(f"Python 3.{minor}") for minor in range(10, 16))
    assert one.where == "Python 3.10; Python 3.11; Python 3.12; Python 3.13; and 2 more"
    assert [item.where for item in one.evidence] == [None]


def test_a_fault_in_one_environment_is_told_as_it_is() -> None:
    assert collapsed([in_place("Linux")]) == (in_place("Linux"),)


def test_different_faults_stay_apart_and_the_heaviest_comes_first() -> None:
    light = in_place("Linux", severity=Severity.INFO)
    other = in_place("Linux", message="asks for more")
    assert collapsed([light, in_place("Linux"), other]) == (in_place("Linux"), other, light)


def test_not_proven_by_reason_and_file() -> None:
    def item(file: str, where: str, reason: str) -> NotProven:
        return NotProven(project="a", version="1", file=file, where=where, reason=reason)

    groups = unproven(
        [
            item("b.zip", "Linux", "dynamic"),
            item("a.zip", "Linux", "old"),
            item("a.zip", "macOS", "dynamic"),
            item("b.zip", "macOS", "dynamic"),
        ]
    )
    assert [(group.reason, group.files) for group in groups] == [
        ("dynamic", (("a.zip", "macOS"), ("b.zip", "Linux; macOS"))),
        ("old", (("a.zip", "Linux"),)),
    ]


def test_headlines() -> None:
    assert lock_headline(UNSOUND) == (
        "uv.lock: unsound; 106 entries, 12 targets, 311 of 312 files read"
    )
    assert lock_headline(SOUND) == (
        "locks/pylock.dev.toml (pylock.toml): sound; 1 entry, 4 targets, 2 files read"
    )
    assert unproven_words(UNPROVEN) == (
        "1 file would be installed, and its requirements are unknown"
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sound", "no findings in 1 lock"),
        ("unsound", "1 error, 1 warning in 1 lock; 1 file is not proven"),
        ("unproven", "no findings in 1 lock; 1 file is not proven; 3 known findings left out"),
        ("nothing", "no findings in 0 locks; 1 thing could not be judged"),
        (
            "many",
            "1 error, 1 warning in 3 locks; 2 files are not proven; 3 known findings left out;"
            " 1 thing could not be judged",
        ),
    ],
)
def test_summary(name: str, words: str) -> None:
    assert lock_summary(LOCK_SAMPLES[name]) == words


@pytest.mark.parametrize(
    ("origin", "place"),
    [
        ("uv.lock:120", ("uv.lock", 120)),
        ("base.txt:3", ("base.txt", 3)),
        ("uv.lock", ("uv.lock", None)),
        (None, ("uv.lock", None)),
        ("a:b", ("uv.lock", None)),
    ],
)
def test_the_line_of_a_finding(origin: str | None, place: tuple[str, int | None]) -> None:
    assert lock_place(replace(MISSING, origin=origin), UNSOUND) == place


def test_targets_of_the_sample() -> None:
    assert len(short_targets(TARGETS)) == 3


def test_what_is_not_proven_is_told_once() -> None:
    item = UNPROVEN.not_proven[0]
    same = replace(
        MISSING, code="sdist-not-proven", severity=Severity.WARNING, project=item.project,
        version=item.version,
    )  # fmt: skip
    assert told(replace(UNPROVEN, findings=(same,))) == ()
    heavier = replace(same, severity=Severity.ERROR)
    assert told(replace(UNPROVEN, findings=(heavier,))) == (heavier,)
    other = replace(same, project="other")
    assert told(replace(UNPROVEN, findings=(other,))) == (other,)
