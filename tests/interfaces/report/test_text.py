"""The text report, compared with what a reader should see, line by line."""

from __future__ import annotations

import itertools
import textwrap
from dataclasses import replace

import click
import pytest

from tests.samples import FLASK, IFCOPENSHELL, NMSLIB, SAMPLES
from trueup.interfaces.report import render_text
from trueup.model.finding import (
    Evidence,
    Finding,
    Merged,
    ReleaseClass,
    ReleaseReport,
    Report,
    Severity,
)

XGBOOST = """\
xgboost 3.0.5: irreconcilable; 7 wheels, 1 sdist; a tool that reads one file is wrong
  advice:  per target (what a Linux wheel asks for depends on the version of glibc)

error[dependencies-differ]: xgboost 3.0.5: no marker can tell these files apart
  where:  Linux x86_64, Python 3.10
  xgboost-3.0.5-py3-none-manylinux_2_28_x86_64.whl   glibc ≥ 2.28   nvidia-nccl-cu12
  xgboost-3.0.5-py3-none-manylinux2014_x86_64.whl    glibc < 2.28   (nothing more)

  hint: uv, Poetry and PDM read one of them and lock it for both

warning[undeclared-difference]: xgboost 3.0.5: the sdist says that `Requires-Dist` is static, and
  some wheels differ from it
  xgboost-3.0.5.tar.gz
      nvidia-nccl-cu12; platform_system == "Linux" and platform_machine != "aarch64"
  xgboost-3.0.5-py3-none-manylinux2014_aarch64.whl
  xgboost-3.0.5-py3-none-manylinux2014_x86_64.whl
  xgboost-3.0.5-py3-none-manylinux_2_28_aarch64.whl
      (nothing more)

  hint: list `dependencies` under `dynamic` in `pyproject.toml`, or make the wheels agree

1 error, 1 warning in 1 release
"""

NMSLIB_80 = """\
nmslib 2.1.1: mergeable; 34 wheels, 1 sdist; a tool that reads one file is wrong
  advice:  per target (3 of 34 wheels ask for other requirements than the rest)

error[dependencies-differ]: nmslib 2.1.1: the wheels ask for different
  requirements, and markers could tell them apart
  where:  Python 3.5, macOS x86_64
  nmslib-2.1.1-cp35-cp35m-macosx_10_14_x86_64.whl
  nmslib-2.1.1-cp35-cp35m-macosx_10_15_x86_64.whl
  nmslib-2.1.1-cp35-cp35m-win_amd64.whl
      chosen there   numpy<1.17,>=1.10.0
  31 wheels: cp27 … cp39
      elsewhere      numpy>=1.10.0

  hint: uv, Poetry and PDM read one of them and lock it for every target

info[metadata-legacy]: nmslib 2.1.1: the sdist's metadata is older than 2.2, so
  it promises nothing
  nmslib-2.1.1.tar.gz   Metadata-Version: 1.0

One list serves every wheel.
  Requires-Dist: numpy<1.17,>=1.10.0; python_version < "3.6" and sys_platform != "linux"
  Requires-Dist: numpy>=1.10.0; python_version >= "3.6" or sys_platform == "linux"
  Requires-Dist: psutil
  Requires-Dist: pybind11<2.6.2

1 error, 1 info in 1 release
"""

TORCH_SUGGEST = """\
torch 1.13.1: mergeable; 21 wheels; a tool that reads one file is wrong
  advice:  per target (only the Linux x86_64 wheels ask for CUDA)

error[dependencies-differ]: torch 1.13.1: the wheels ask for different
  requirements, and markers could tell them apart
  where:  Linux, Python 3.10
  torch-1.13.1-cp310-cp310-manylinux1_x86_64.whl
      x86_64    nvidia-cublas-cu11==11.10.3.66
                nvidia-cuda-nvrtc-cu11==11.7.99
                nvidia-cuda-runtime-cu11==11.7.99
                nvidia-cudnn-cu11==8.5.0.96
  torch-1.13.1-cp310-cp310-manylinux2014_aarch64.whl
      aarch64   (nothing more)

  hint: a lock made from the first file installs CUDA on aarch64, where there is
        none

One list serves every wheel. In `pyproject.toml` of torch 1.13.1:

[project]
requires-python = ">=3.7.0"
dependencies = [
  'nvidia-cublas-cu11==11.10.3.66; platform_machine == "x86_64" and platform_system == "Linux"',
  'nvidia-cuda-nvrtc-cu11==11.7.99; platform_machine == "x86_64" and platform_system == "Linux"',
  'nvidia-cuda-runtime-cu11==11.7.99; platform_machine == "x86_64" and platform_system == "Linux"',
  'nvidia-cudnn-cu11==8.5.0.96; platform_machine == "x86_64" and platform_system == "Linux"',
  "typing-extensions",
]

[project.optional-dependencies]
opt-einsum = [
  "opt-einsum>=3.3",
]

  note: the marker of no wheel is right as it is: each lacks `platform_machine`

1 error in 1 release
"""

CROWD = """\
crowd 6.1.0: mergeable; 175 wheels, 1 sdist; a tool that reads one file is wrong
  advice:  per target (the wheels differ by platform)

error[dependencies-differ]: crowd 6.1.0: the wheels ask for different
  requirements, and markers could tell them apart
  44 wheels: cp38 … cp314 (cp38-cp38-macosx_10_13_x86_64, …)   region 0   own-0
  44 wheels: cp38 … cp314 (cp38-cp38-macosx_10_15_x86_64, …)   region 1   own-1
  44 wheels: cp38 … cp314 (cp38-cp38-macosx_11_0_x86_64, …)    region 2   own-2
  43 wheels: cp38 … cp314                                      region 3   own-3

1 error in 1 release
"""

UNREAD = """\
spam 1.0: at least identical; 2 wheels, 1 other file, 1 unread; whether one file
  speaks for all is unknown
  advice:  unknown (one file is unread)

error[unreadable-file]: spam 1.0: a file cannot be read, so what it asks for is
  unknown
  spam-1.0-cp312-cp312-manylinux_2_28_x86_64.whl
      is not a zip file: it ends after 4,096 of 81,920 bytes

  hint: upload it again under a new version

1 error in 1 release
"""

FAILED = """\
flask 3.1.3: identical; 1 wheel, 1 sdist; any one wheel speaks for all

error: could not judge `nosuch==1.0`: `nosuch`: the index does not have this
  project

no findings in 1 release; 2 known findings left out; 1 target could not be
judged
"""

BEAM = """\
apache-beam 2.77.0: irreconcilable (only 32-bit Python on Windows AMD64); 25
  wheels, 1 sdist; a tool that reads one file is wrong
  advice:  per target (32-bit and 64-bit Windows wheels ask for different
           requirements)

error[dependencies-differ]: apache-beam 2.77.0: no marker can tell these files
  apart
  where:  Windows AMD64, Python 3.10
  apache_beam-2.77.0-cp310-cp310-win_amd64.whl
      64-bit Python   pyarrow<26.0.0,>=14.0.1
  apache_beam-2.77.0-cp310-cp310-win32.whl
      32-bit Python   (nothing more)

  hint: markers see the machine, not the interpreter

One list serves every wheel, except for 32-bit Python on Windows AMD64.
  Requires-Dist: cryptography<51.0.0,>=39.0.0
  Requires-Dist: fastavro<2,>=0.23.6
  Requires-Dist: numpy<2.5.0,>=1.14.3
  Requires-Dist: pyarrow<26.0.0,>=14.0.1; platform_machine != "x86"

fix: make the files named above ask for the same, or move what differs into an
     extra or a project of its own; then upload all files under a new version

1 error in 1 release
"""

FLASK_VERBOSE = """\
flask 3.1.3: identical; 1 wheel, 1 sdist; any one wheel speaks for all

files of https://index.test/simple/flask/
  sdist    file      verified   flask-3.1.3.tar.gz
  chosen   sidecar   verified   flask-3.1.3-py3-none-any.whl

fields
  Requires-Dist     identical   promise: static   1 variant
  Requires-Python   identical   promise: static   1 variant

no findings in 1 release
"""


@pytest.mark.parametrize(
    ("name", "width", "options", "expected"),
    [
        ("xgboost", 100, {}, XGBOOST),
        ("nmslib", 80, {}, NMSLIB_80),
        ("torch", 80, {"suggest": True}, TORCH_SUGGEST),
        ("apache-beam", 80, {"fix_hint": True}, BEAM),
        ("crowd", 80, {}, CROWD),
        ("unread", 80, {}, UNREAD),
        ("failed", 80, {}, FAILED),
        ("flask", 80, {"verbose": True}, FLASK_VERBOSE),
        ("empty", 80, {}, "no findings in 0 releases\n"),
    ],
)
def test_text(name: str, width: int, options: dict[str, bool], expected: str) -> None:
    assert render_text(SAMPLES[name], colour=False, width=width, **options) == expected


def test_releases_without_findings_follow_each_other() -> None:
    text = render_text(Report(releases=(FLASK, FLASK)), colour=False, width=80)
    line = "flask 3.1.3: identical; 1 wheel, 1 sdist; any one wheel speaks for all\n"
    assert text == f"{line}{line}no findings in 2 releases\n"


def test_witness_is_shown_when_verbose() -> None:
    text = render_text(SAMPLES["xgboost"], colour=False, width=80, verbose=True)
    assert (
        textwrap.dedent("""\
        to see it by hand: Requires-Dist: `nvidia-nccl-cu12`
          environment:  implementation_name="cpython", python_version="3.10",
                        python_full_version="3.10.19", sys_platform="linux",
                        platform_system="Linux", platform_machine="x86_64"
          xgboost-3.0.5-py3-none-manylinux_2_28_x86_64.whl
              glibc 2.28
              numpy
              nvidia-nccl-cu12
              scipy
          xgboost-3.0.5-py3-none-manylinux2014_x86_64.whl
              glibc 2.17
              numpy
              scipy
        """)
        in text
    )


def test_a_long_merged_list_shows_what_is_not_in_every_wheel() -> None:
    shared = tuple(f"shared-{number}" for number in range(40))
    field = NMSLIB.fields[0]
    release = replace(
        NMSLIB,
        findings=(),
        fields=(
            replace(
                field,
                variants=tuple(
                    replace(variant, values=(*variant.values, *shared))
                    for variant in field.variants[:2]
                ),
            ),
        ),
        merged=Merged(
            requires_dist=(*shared, 'numpy; python_version >= "3"'),
            requires_python=">=3.9",
            provides_extra=("x",),
        ),
    )
    text = render_text(Report(releases=(release,)), colour=False, width=80)
    assert text.split("\n\n")[1] == (
        "One list serves every wheel.\n"
        '  Requires-Dist: numpy; python_version >= "3"\n'
        "  … and 40 more; `--suggest` prints all"
    )


def test_requires_python_and_extras_are_merged_where_they_differ() -> None:
    release = replace(
        IFCOPENSHELL,
        release_class=ReleaseClass.MERGEABLE,
        findings=(),
        merged=Merged(requires_dist=("numpy",), requires_python="<3.14,>=3.9", provides_extra=()),
    )
    text = render_text(Report(releases=(release,)), colour=False, width=80)
    assert "  Requires-Python: <3.14,>=3.9\n  Requires-Dist: numpy\n" in text


def test_a_release_that_agrees_needs_no_merged_list() -> None:
    release = replace(FLASK, merged=NMSLIB.merged)
    text = render_text(Report(releases=(release,)), colour=False, width=80)
    assert "One list" not in text


def test_workarounds_are_ready_to_paste() -> None:
    text = render_text(SAMPLES["nmslib"], colour=False, width=80, suggest=True)
    what, paste = NMSLIB.workarounds[0]
    assert f"Work-around for users: {what}\n\n{paste}\n" in text


def test_verbose_lists_every_file() -> None:
    text = render_text(SAMPLES["nmslib"], colour=False, width=80, verbose=True)
    assert "31 wheels" not in text
    assert "  nmslib-2.1.1-cp27-cp27mu-manylinux1_x86_64.whl\n" in text


def _one(finding: Finding) -> Report:
    release = ReleaseReport(
        project="p",
        version="1",
        origin="dist",
        release_class=FLASK.release_class,
        at_least=False,
        advice=FLASK.advice,
        advice_reason="",
        files=(),
        fields=(),
        findings=(finding,),
    )
    return Report(releases=(release,))


def _finding(*evidence: Evidence, where: str | None = None) -> Finding:
    return Finding(
        code="c",
        severity=Severity.WARNING,
        project="p",
        version="1",
        message="m",
        evidence=evidence,
        where=where,
    )


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        pytest.param((), [], id="none"),
        pytest.param(
            (Evidence(files=("a.whl", "b.whl")),), ["  a.whl", "  b.whl"], id="files only"
        ),
        pytest.param(
            (Evidence(files=("a.whl",), says=("x", "y")), Evidence(files=("bb.whl",))),
            ["  a.whl    x", "           y", "  bb.whl   (nothing more)"],
            id="several values",
        ),
        pytest.param(
            (Evidence(files=("a.whl",), where="here"), Evidence(files=("b.whl",), where="there")),
            ["  a.whl   here", "  b.whl   there"],
            id="places only",
        ),
        pytest.param(
            (Evidence(files=("a.whl",), says=tuple(f"v{n}" for n in range(9))),),
            ["  a.whl   v0", *(f"          v{n}" for n in range(1, 6)), "          … and 3 more"],
            id="many values",
        ),
        pytest.param(
            tuple(Evidence(files=(f"{n}.whl",)) for n in range(11)),
            [*(f"  {n}.whl" for n in range(8)), "  … and 3 more"],
            id="much evidence",
        ),
        pytest.param(
            (Evidence(files=("a.whl",), says=("v",), where="w" * 50),),
            ["  a.whl", "      " + "w" * 50, "        v"],
            id="a long place",
        ),
        pytest.param(
            (Evidence(files=("文.whl",), says=("x",)), Evidence(files=("ab.whl",), says=("y",))),
            ["  文.whl   x", "  ab.whl   y"],
            id="wide characters",
        ),
    ],
)
def test_evidence(evidence: tuple[Evidence, ...], expected: list[str]) -> None:
    text = render_text(_one(_finding(*evidence)), colour=False, width=60)
    lines = text.splitlines()
    assert lines[1:3] == ["", "warning[c]: p 1: m"]
    assert lines[3:-2] == expected


def test_colour_changes_nothing_else() -> None:
    for report, width in itertools.product(SAMPLES.values(), (20, 80, 200)):
        for verbose, suggest in itertools.product((False, True), repeat=2):
            plain, coloured = (
                render_text(report, colour=colour, width=width, verbose=verbose, suggest=suggest)
                for colour in (False, True)
            )
            assert click.unstyle(coloured) == plain
            assert "\x1b" not in plain


def test_colour() -> None:
    text = render_text(SAMPLES["crowd"], colour=True, width=80)
    assert "\x1b[31m\x1b[1merror[dependencies-differ]:\x1b[0m crowd" in text


@pytest.mark.parametrize("options", [{}, {"verbose": True}, {"suggest": True, "fix_hint": True}])
def test_nothing_in_hostile_values_acts(options: dict[str, bool]) -> None:
    text = render_text(SAMPLES["hostile"], colour=False, width=80, **options)
    assert all(character == "\n" or character.isprintable() for character in text)
    assert r"\x1b[31m\u202egnp\x07\x9b\u2028" in text
    assert "##[" not in text
    # GitHub's runner obeys a line that starts so, white space aside.
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert "secret" not in text


@pytest.mark.parametrize("name", SAMPLES)
def test_prose_stays_within_the_width(name: str) -> None:
    text = render_text(SAMPLES[name], colour=False, width=72)
    for line in text.splitlines():
        unbreakable = line.lstrip().startswith("Requires-Dist:") or " " not in line.strip()
        assert len(line) <= 72 or unbreakable or name == "hostile"


def _released(number: int, *findings: Finding) -> ReleaseReport:
    return replace(FLASK, version=f"1.{number}", findings=findings)


def test_of_many_releases_those_that_agree_are_counted() -> None:
    releases = [_released(number) for number in range(12)]
    releases[3] = replace(releases[3], at_least=True)
    releases[5] = _released(5, _finding(), _finding())
    report = Report(releases=tuple(releases))
    text = render_text(report, colour=False, width=80)
    assert text == (
        "flask 1.3: at least identical; 1 wheel, 1 sdist; any one wheel speaks for all\n"
        "flask 1.5: identical; 1 wheel, 1 sdist; any one wheel speaks for all\n"
        "\n"
        "warning[c]: p 1: m\n"
        "\n"
        "warning[c]: p 1: m\n"
        "\n"
        "10 releases agree; `-v` lists them\n"
        "2 warnings in 12 releases\n"
        "  flask 1.5: 2 warnings\n"
    )
    assert "flask 1.11: identical" in render_text(report, colour=False, width=80, verbose=True)
    few = render_text(Report(releases=tuple(releases[:10])), colour=False, width=80)
    assert "flask 1.9: identical" in few
    assert few.endswith("2 warnings in 10 releases\n")


def test_the_list_for_all_the_rest_can_be_asked_for() -> None:
    release = replace(IFCOPENSHELL, only_in="32-bit Python on Windows AMD64", merged=None)
    asked = (
        "`trueup check --suggest` prints the list that serves all the rest, everything but 32-bit\n"
        "Python on Windows AMD64, where there is one\n"
    )
    report = Report(releases=(release,))
    assert asked in render_text(report, colour=False, width=90)
    assert "--suggest" not in render_text(report, colour=False, width=90, suggest=True)


def test_who_has_asked_for_the_list_is_not_told_to_ask() -> None:
    hint = "uv reads one file; `trueup check --suggest` prints the one list that serves all"
    report = _one(replace(_finding(), hint=hint))
    assert "--suggest" in render_text(report, colour=False, width=100)
    assert render_text(report, colour=False, width=100, suggest=True).splitlines()[4] == (
        "  hint: uv reads one file"
    )


def test_signs_are_explained() -> None:
    finding = replace(
        _finding(Evidence(files=("a.whl",), says=("+ numpy", "- scipy"))),
        code="undeclared-difference",
    )
    text = render_text(_one(finding), colour=False, width=80)
    assert "          - scipy\n  (`+` not in the sdist; `-` in the sdist, missing here)\n" in text


def test_files_come_in_one_order() -> None:
    release = replace(FLASK, files=FLASK.files[::-1])
    assert render_text(
        Report(releases=(release,)), colour=False, width=80, verbose=True
    ) == render_text(Report(releases=(FLASK,)), colour=False, width=80, verbose=True)
