"""What is asked for so that a project's releases can be compared, and what is made of the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from trueup.features.survey.minimum import Answer, Found, chosen, reading, rows_of
from trueup.model.filerow import Provenance
from trueup.sources.crawl.pages import PageFile
from trueup.sources.crawl.texts import Refused, Text
from trueup.sources.listed import version_text

A, B = "aa" * 32, "bb" * 32
TEXTS: dict[str, Answer] = {"A": Text(sha256=A), "B": Text(sha256=B), "no": Refused(reason="no"),
         "later": Refused(reason="later", passing=True),
         "bad": Text(sha256=None, problem="is empty")}  # fmt: skip


def file(text: str) -> PageFile:
    """``win``, ``win A`` (with the digest A), ``linux ?`` (a sidecar without one), ``sdist``, …"""
    name, _, sidecar = text.partition(" ")
    name, _, version = name.partition("@")
    stem = f"demo-{version or '1.0'}"
    filename = {
        "sdist": f"{stem}.tar.gz",
        "win": f"{stem}-py3-none-win_amd64.whl",
        "linux": f"{stem}-py3-none-manylinux_2_17_x86_64.whl",
        "mac": f"{stem}-py3-none-macosx_11_0_arm64.whl",
        "exe": f"{stem}.win32.exe",
    }[name]
    kind = "wheel" if filename.endswith(".whl") else {"sdist": "sdist", "exe": "other"}[name]
    return PageFile(
        filename, kind, version_text(filename, canonicalize_name("demo")) or "1.0", filename, None,
        None, None, None, None, {"": None, "?": ""}.get(sidecar, sidecar.lower() * 64),
    )  # fmt: skip


def asked(
    files: Sequence[str], answers: Mapping[str, str] = {}, **options: Any
) -> tuple[list[list[str]], Mapping[str, Found]]:
    """What is asked for, turn by turn, as ``way word``; and what was found by file word."""
    given = {file(text).filename: text for text in files}
    work = reading([file(text) for text in files], **options)
    turns: list[list[str]] = []
    try:
        asks = next(work)
        while True:
            turn = [f"{ask.way.name.lower()} {given[ask.file.filename]}" for ask in asks]
            turns.append(turn)
            said: list[Answer] = [TEXTS[answers.get(one, "A")] for one in turn]
            asks = work.send(said)
    except StopIteration as end:
        return turns, {given[name]: one for name, one in end.value.items()}


@pytest.mark.parametrize(
    ("files", "options", "expected"),
    [
        ([], {}, []),
        (["win"], {}, []),
        (["sdist"], {"sdists": True}, []),
        (["win", "sdist"], {}, []),
        (["win", "exe"], {}, []),
        (["win A", "linux A", "sdist"], {}, []),
        (["win@1.0", "linux@2.0"], {}, []),
        (["win A", "linux B"], {}, [["sidecar win A", "sidecar linux B"]]),
        (["win A", "linux B", "mac B"], {}, [["sidecar win A", "sidecar linux B"]]),
        (["win ?", "linux ?"], {}, [["sidecar win ?", "sidecar linux ?"]]),
        (["win A", "linux A", "mac"], {}, [["sidecar win A", "archive mac"]]),
        (["win", "linux"], {}, [["archive win", "archive linux"]]),
        # An sdist is compared with what its wheels say, so that has to be read, too.
        (["win A", "sdist"], {"sdists": True}, [["sidecar win A", "archive sdist"]]),
        (["win A", "linux A", "sdist"], {"sdists": True}, [["sidecar win A", "archive sdist"]]),
        (["win", "sdist B"], {"sdists": True}, [["sidecar sdist B", "archive win"]]),
    ],
)  # fmt: skip
def test_the_minimum(files: list[str], options: dict[str, Any], expected: list[list[str]]) -> None:
    assert asked(files, **options)[0] == expected


def test_one_text_speaks_for_all_that_have_its_digest() -> None:
    _, found = asked(["win A", "linux B", "mac B"], {"sidecar linux B": "B"})
    assert found["mac B"] is not found["win A"]
    assert found["mac B"] == Found(Provenance.SIDECAR, TEXTS["B"])  # type: ignore[arg-type]


def test_a_sidecar_that_is_wrong_is_named_and_the_file_read_instead() -> None:
    turns, found = asked(["win A", "linux B", "mac B"],
                         {"sidecar linux B": "no", "archive linux B": "B"})  # fmt: skip
    assert turns == [["sidecar win A", "sidecar linux B"], ["archive linux B"]]
    assert found["linux B"] == Found(Provenance.ARCHIVE, TEXTS["B"], "no")  # type: ignore[arg-type]
    assert found["mac B"] == Found(Provenance.SIDECAR, TEXTS["B"])  # type: ignore[arg-type]


def test_a_digest_that_is_no_file_s_speaks_for_nobody() -> None:
    turns, found = asked(["win A", "linux B", "mac B"],
                         {"sidecar linux B": "no", "sidecar mac B": "no"})  # fmt: skip
    assert turns[1:] == [["archive linux B"], ["sidecar mac B"], ["archive mac B"]]
    assert {one.source for one in found.values()} == {Provenance.SIDECAR, Provenance.ARCHIVE}


def test_what_nobody_can_read_is_unread_with_the_reasons() -> None:
    _, found = asked(["win A", "linux B"], {"sidecar linux B": "later", "archive linux B": "no"})
    assert found["linux B"] == Found(Provenance.UNREAD, None, "no; later", passing=True)
    _, found = asked(["win A", "linux B"], {"sidecar linux B": "bad"})
    assert found["linux B"] == Found(Provenance.UNREAD, None, "is empty")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, [["guessed win"], ["guessed linux"], ["guessed mac"]]),
        ({"guessed win": "no"}, [["guessed win"], ["archive win", "archive linux", "archive mac"]]),
        ({"guessed linux": "no"},
         [["guessed win"], ["guessed linux"], ["archive linux", "archive mac"]]),
    ],
)  # fmt: skip
def test_unadvertised_sidecars(answers: dict[str, str], expected: list[list[str]]) -> None:
    assert asked(["win", "linux", "mac"], answers, guess=True)[0] == expected


def test_two_hits_convince() -> None:
    files = [file(f"win@1.{number}") for number in range(6)]
    for one in files:
        one.version = "1"
    work = reading(files, guess=True)
    sizes, asks = [], next(work)
    try:
        while True:
            sizes.append(len(asks))
            asks = work.send([TEXTS["A"]] * len(asks))
    except StopIteration:
        assert sizes == [1, 1, 4]


@pytest.mark.parametrize(
    ("newest", "versions", "expected"),
    [
        (None, None, ["1.0", "2.0", "3.0rc1", "latest"]),
        (1, None, ["2.0"]),
        (2, None, ["1.0", "2.0"]),
        (9, None, ["1.0", "2.0"]),
        (None, ("1",), []),
        (None, ("1.0",), ["1.0"]),
        (1, ("3.0-RC1",), ["2.0", "3.0rc1"]),
    ],
)
def test_chosen(newest: int | None, versions: tuple[str, ...] | None, expected: list[str]) -> None:
    files = [file(f"win@{version}") for version in ("1.0", "2.0", "3.0rc1", "9")]
    files[-1].version = "latest"
    found = chosen(files, newest=newest, versions=versions)
    assert [one.version for one in found] == expected


def test_a_project_that_has_only_pre_releases_has_a_newest_one() -> None:
    files = [file(f"win@{version}") for version in ("1.0a1", "1.0b2")]
    assert [one.version for one in chosen(files, newest=1, versions=None)] == ["1.0b2"]


def test_rows() -> None:
    files = ["win A", "linux B", "mac B", "sdist", "exe"]
    _, found = asked(files, {"sidecar linux B": "B"})
    made = rows_of([file(text) for text in files], {file(key).filename: one
                                                     for key, one in found.items()})  # fmt: skip
    assert [(row.source, row.text, row.metadata_sha256) for row in made.rows] == [
        ("sidecar", 0, A), ("sidecar", 1, B), ("sidecar", 1, B), ("unread", -1, None),
        ("unread", -1, None),
    ]  # fmt: skip
    assert made.texts == [TEXTS["A"], TEXTS["B"]]


def test_a_digest_alone_is_worth_a_row_unless_it_was_found_wrong() -> None:
    bare = rows_of([file("win A"), file("linux")], {})
    assert [(row.source, row.text, row.metadata_sha256) for row in bare.rows] == [
        ("sidecar", -1, A), ("unread", -1, None)
    ]  # fmt: skip
    (row,) = rows_of(
        [file("win A")], {file("win A").filename: Found(Provenance.UNREAD, None, "no")}
    ).rows
    assert (row.source, row.metadata_sha256, row.problem) == ("unread", None, "no")
