"""The text report on locks, compared with what a reader should see, line by line."""

from __future__ import annotations

from dataclasses import replace

import click
import pytest

from tests.locksamples import LOCK_SAMPLES, MISSING, SOUND, UNPROVEN, UNSOUND
from trueup.interfaces.report.locktext import render_lock_text
from trueup.model.finding import Severity
from trueup.model.lockreport import VerifyReport

UNSOUND_TEXT = """\
uv.lock: unsound; 106 entries, 12 targets, 311 of 312 files read
  verdict:  some target gets something else than its files ask for
  targets:  cp310..cp313-{linux-aarch64-glibc2.28,linux-x86_64-glibc2.28}
            cp311..cp313-macos-arm64-14.0
            cp313-windows-amd64

error[missing-requirement]: xgboost 3.0.5: asks for `nvidia-nccl-cu12`, which the lock does not
  install
  where:  Linux x86_64
  xgboost-3.0.5-py3-none-manylinux_2_28_x86_64.whl   nvidia-nccl-cu12; platform_system == 'Linux'

  hint: add it as a requirement of your own, or use `trueup lock`

warning[file-withdrawn]: six 1.16.0: was yanked
  six-1.16.0-py2.py3-none-any.whl   wrong metadata

not proven: 1 file would be installed, and its requirements are unknown
  the sdist's metadata is older than 2.2, so it promises nothing
    nmslib-2.1.1.tar.gz   Python ≥ 3.10

  hint: that is neither right nor wrong: lock a version that has a wheel there, or find out with
        `trueup prove NAME==VERSION` what a build asks for

Way out: uv, in `pyproject.toml`: use this metadata for every file

[[tool.uv.dependency-metadata]]
name = "xgboost"
version = "3.0.5"
requires-dist = [
  "numpy",
  'nvidia-nccl-cu12; sys_platform == "linux"',
]

1 error, 1 warning in 1 lock; 1 file is not proven
"""

SOUND_TEXT = """\
locks/pylock.dev.toml (pylock.toml): sound; 1 entry, 4 targets, 2 files read
  verdict:  every target gets all that its files ask for
  targets:  cp310..cp313-linux-x86_64-glibc2.28
no findings in 1 lock
"""


def shown(report: VerifyReport, *, width: int = 100, verbose: bool = False) -> str:
    return render_lock_text(report, colour=False, width=width, verbose=verbose)


@pytest.mark.parametrize(
    ("name", "text"), [("unsound", UNSOUND_TEXT), ("sound", SOUND_TEXT)], ids=str
)
def test_text(name: str, text: str) -> None:
    assert shown(LOCK_SAMPLES[name]) == text


@pytest.mark.parametrize("name", LOCK_SAMPLES)
@pytest.mark.parametrize("width", [60, 80, 100])
def test_colour_changes_no_word(name: str, width: int) -> None:
    plain = shown(LOCK_SAMPLES[name], width=width)
    coloured = render_lock_text(LOCK_SAMPLES[name], colour=True, width=width)
    assert coloured != plain
    assert click.unstyle(coloured) == plain


def test_hostile_values_do_not_act() -> None:
    text = shown(LOCK_SAMPLES["hostile"])
    assert all(character == "\n" or character.isprintable() for character in text)
    assert "##[" not in text
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())


def test_of_many_warnings_the_rest_is_named() -> None:
    warnings = tuple(
        replace(MISSING, severity=Severity.WARNING, project=f"p{number}") for number in range(15)
    )
    report = VerifyReport(locks=(replace(UNSOUND, findings=warnings),))
    text = shown(report, width=200)
    assert text.count("warning[missing-requirement]: p") == 5
    assert (
        "warning[missing-requirement]: 10 more like these: p5 3.0.5, p6 3.0.5, p7 3.0.5, p8 3.0.5,"
        " p9 3.0.5, p10 3.0.5, p11 3.0.5, p12 3.0.5, and 2 more; `-v` shows them\n"
    ) in text
    assert shown(report, verbose=True).count("warning[missing-requirement]: p") == 15


def test_of_errors_more_are_told_in_full() -> None:
    errors = tuple(replace(MISSING, project=f"p{number}") for number in range(25))
    report = VerifyReport(locks=(replace(UNSOUND, findings=errors),))
    text = shown(report, width=200)
    assert text.count("error[missing-requirement]: p") == 20
    assert (
        "error[missing-requirement]: 5 more like these: p20 3.0.5, p21 3.0.5, p22 3.0.5, "
        "p23 3.0.5, p24 3.0.5; `-v` shows them\n"
    ) in text


def test_what_could_not_be_judged_for_one_reason_is_told_once() -> None:
    failures = tuple((f"p{number}", f"`p{number}`: no such project") for number in range(10))
    report = VerifyReport(locks=(replace(SOUND, failures=failures),))
    assert (
        "error: could not judge `p0`, `p1`, `p2`, `p3`, `p4`, `p5`, `p6`, `p7`, and 2 more: "
        "no such project\n"
    ) in shown(report)
    assert "`p9`: no such project" in shown(report, verbose=True, width=200)


def test_of_many_files_that_are_not_proven_the_rest_is_counted() -> None:
    items = tuple(replace(UNPROVEN.not_proven[0], file=f"f{number:02}.zip") for number in range(12))
    report = VerifyReport(locks=(replace(UNPROVEN, not_proven=items),))
    assert "    … and 2 more files; `-v` lists them\n" in shown(report)
    assert "f11.zip" in shown(report, verbose=True)


def test_what_could_not_be_judged() -> None:
    failed = replace(SOUND, failures=(("six 1.16.0", "no index lists it"),))
    text = shown(VerifyReport(locks=(failed,), unread=(("poetry.lock", "is a folder"),)))
    assert "locks/pylock.dev.toml (pylock.toml): not proven; " in text
    assert "error: could not judge `six 1.16.0`: no index lists it\n" in text
    assert "error: could not judge `poetry.lock`: is a folder\n" in text
    assert text.endswith("no findings in 1 lock; 2 things could not be judged\n")
