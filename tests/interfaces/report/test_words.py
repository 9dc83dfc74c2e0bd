"""Words that all formats share."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from tests.samples import FLASK, NMSLIB, SAMPLES, UNREAD
from trueup.interfaces.report.words import (
    advice_words,
    counts,
    headline,
    in_order,
    origin,
    printable,
    shorten,
    summary,
    visible,
)
from trueup.model.finding import FileStatus


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ≥ 文字 é", "plain ≥ 文字 é"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x00\x7f\x9b", r"\x00\x7f\x9b"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("half \udcff", r"half \udcff"),
        ("tag \U000e0041", r"tag \U000e0041"),
    ],
)
def test_visible(text: str, expected: str) -> None:
    assert visible(text) == expected
    assert printable(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("::error::x", r"\x3a:error::x"),
        ("a ::set-output name=x::y", r"a \x3a:set-output name=x::y"),
        ("##[group]x", r"#\x23[group]x"),
        ("Programming Language :: Python :: 3", "Programming Language :: Python :: 3"),
        ("std::string", "std::string"),
    ],
)
def test_printable_starts_no_command(text: str, expected: str) -> None:
    assert printable(text) == expected
    assert printable(expected) == expected
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:secret@index.test/simple/", "https://index.test/simple/"),
        ("https://token@index.test/simple/", "https://index.test/simple/"),
        ("https://index.test/a@b", "https://index.test/a@b"),
        ("dist", "dist"),
    ],
)
def test_origin(text: str, expected: str) -> None:
    assert origin(text) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["a-1-cp39-cp39-win32.whl", "a-1-cp310-cp310-win32.whl"], "2 wheels: cp39 … cp310"),
        (["a-1-py3-none-any.whl"], "1 wheel: py3"),
        (["a-1-py2.py3-none-any.whl"], "1 wheel: py2 … py3"),
        (
            [
                "a-1-cp38-cp38-win32.whl",
                "a-1-cp314-cp314t-win32.whl",
                "a-1-pp39-pypy39_pp73-any.whl",
            ],
            "3 wheels: cp38 … cp314, pp39",
        ),
        (["a-1.tar.gz", "a-1-cp27-none-any.whl"], "1 sdist, 1 wheel: cp27"),
        (["a-1.exe", "a-1.egg"], "2 other files"),
        ([], ""),
    ],
)
def test_shorten(files: list[str], expected: str) -> None:
    assert shorten(files) == expected


def test_headline_and_counts() -> None:
    assert headline(NMSLIB) == (
        "nmslib 2.1.1: mergeable; 34 wheels, 1 sdist; a tool that reads one file is wrong"
    )
    assert headline(FLASK) == (
        "flask 3.1.3: identical; 1 wheel, 1 sdist; any one wheel speaks for all"
    )
    assert counts(UNREAD.files) == "2 wheels, 1 other file, 1 unread"
    unread = replace(FLASK.files[1], filename="flask-3.1.3.tar.gz", status=FileStatus.SDIST)
    assert counts([unread, replace(unread, reason="is empty")]) == "2 sdists, 1 unread"
    assert counts(()) == "no files"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["a-1-py3-none-any.whl"], "any one wheel speaks for all"),
        (["a-1.tar.gz"], "any one file speaks for all"),
    ],
)
def test_what_speaks_for_all(files: list[str], expected: str) -> None:
    reports = tuple(replace(FLASK.files[0], filename=name) for name in files)
    assert advice_words(replace(FLASK, files=reports)) == expected


def test_files_outside_what_was_asked_for_are_counted() -> None:
    outside = replace(FLASK.files[1], status=FileStatus.OUTSIDE)
    assert counts([FLASK.files[0], outside]) == "1 wheel, 1 sdist, 1 outside `--for`"


def test_files_come_in_natural_order() -> None:
    names = [
        "a-1.tar.gz", "a-1-1-cp39-cp39-win32.whl", "a-1-cp39-cp39-win32.whl",
        "a-1-cp39-cp39-win_amd64.whl", "a-1-cp310-cp310-win32.whl", "a-1-py3.9.egg",
    ]  # fmt: skip
    for shuffled in itertools.permutations(names):
        files = in_order(replace(FLASK.files[0], filename=name) for name in shuffled)
        assert [file.filename for file in files] == names


def test_summary() -> None:
    assert summary(SAMPLES["many"]) == "6 errors, 2 warnings, 1 info in 8 releases"
    assert summary(SAMPLES["failed"]) == (
        "no findings in 1 release; 2 known findings left out; 1 target could not be judged"
    )
