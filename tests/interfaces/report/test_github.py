"""Workflow commands and the step's summary."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.samples import SAMPLES, XGBOOST
from trueup.interfaces.report import render_github, render_step_summary
from trueup.model.finding import Evidence, Report


def test_annotations() -> None:
    assert render_github(SAMPLES["xgboost"]).splitlines() == [
        "::error title=dependencies-differ%3A xgboost 3.0.5,"
        "file=xgboost-3.0.5-py3-none-manylinux_2_28_x86_64.whl::"
        "no marker can tell these files apart%0A"
        "where: Linux x86_64, Python 3.10%0A"
        "xgboost-3.0.5-py3-none-manylinux_2_28_x86_64.whl: glibc ≥ 2.28: nvidia-nccl-cu12%0A"
        "xgboost-3.0.5-py3-none-manylinux2014_x86_64.whl: glibc < 2.28: (nothing more)%0A"
        "hint: uv, Poetry and PDM read one of them and lock it for both",
        "::warning title=undeclared-difference%3A xgboost 3.0.5,file=xgboost-3.0.5.tar.gz::"
        "the sdist says that `Requires-Dist` is static, and some wheels differ from it%0A"
        "xgboost-3.0.5.tar.gz: nvidia-nccl-cu12; "
        'platform_system == "Linux" and platform_machine != "aarch64"%0A'
        "xgboost-3.0.5-py3-none-manylinux2014_aarch64.whl, "
        "xgboost-3.0.5-py3-none-manylinux2014_x86_64.whl, "
        "xgboost-3.0.5-py3-none-manylinux_2_28_aarch64.whl: (nothing more)%0A"
        "hint: list `dependencies` under `dynamic` in `pyproject.toml`, or make the wheels agree",
        "1 error, 1 warning in 1 release",
    ]


def test_signs_are_explained() -> None:
    finding = replace(
        XGBOOST.findings[1],
        evidence=(Evidence(files=("a.whl",), says=("+ numpy",)),),
    )
    report = Report(releases=(replace(XGBOOST, findings=(finding,)),))
    assert "a.whl: + numpy%0A(`+` not in the sdist)%0Ahint: " in render_github(report)
    assert "\n`+` not in the sdist\n" in render_step_summary(report)


def test_information_is_a_notice_and_many_files_are_shortened() -> None:
    error, notice, _ = render_github(SAMPLES["nmslib"]).splitlines()
    assert "%0A31 wheels: cp27 … cp39: elsewhere: numpy>=1.10.0%0A" in error
    assert notice.startswith("::notice title=metadata-legacy%3A nmslib 2.1.1,file=nmslib-2.1.1")


def test_failures_are_errors() -> None:
    assert render_github(SAMPLES["failed"]).splitlines()[0] == (
        "::error title=could not be judged::`nosuch==1.0`: `nosuch`: "
        "the index does not have this project"
    )


def test_hostile_values_start_no_command() -> None:
    text = render_github(SAMPLES["hostile"])
    lines = text.splitlines()
    assert len(lines) == 2
    assert [line for line in lines if line.startswith("::")] == lines[:1]
    # The runner ends the properties at the first `::` after the command's name.
    properties, _, data = lines[0].removeprefix("::error ").partition("::")
    assert re.fullmatch(r"title=[^,:]*,file=[^,:]*", properties)
    assert "%0A" in data
    assert "%250A" in data
    assert "##[" not in text
    assert all(character == "\n" or character.isprintable() for character in text)


def test_step_summary() -> None:
    assert render_step_summary(SAMPLES["xgboost"]).startswith(
        "## trueup: 1 error, 1 warning in 1 release\n"
        "\n"
        "### xgboost 3&#46;0&#46;5&#58; irreconcilable; 7 wheels, 1 sdist; "
        "a tool that reads one file is wrong\n"
        "\n"
        "**❌ error** `dependencies-differ`: no marker can tell these files apart\n"
        "\n"
        "Where: Linux x86&#95;64, Python 3&#46;10\n"
        "\n"
        "| files | where | says |\n"
        "|---|---|---|\n"
        "| `xgboost-3.0.5-py3-none-manylinux_2_28_x86_64.whl` | glibc ≥ 2&#46;28 "
        "| `nvidia-nccl-cu12` |\n"
        "| `xgboost-3.0.5-py3-none-manylinux2014_x86_64.whl` | glibc &#60; 2&#46;28 "
        "| (nothing more) |\n"
        "\n"
        "Hint: uv, Poetry and PDM read one of them and lock it for both\n"
        "\n"
    )


def test_step_summary_gives_the_merged_list_and_the_failures() -> None:
    summary = render_step_summary(SAMPLES["apache-beam"])
    assert '- `pyarrow<26.0.0,>=14.0.1; platform_machine != "x86"`\n' in summary
    assert "Except for 32-bit Python on Windows AMD64\n" in summary
    assert "- `nosuch==1.0`: `nosuch`&#58; the index" in render_step_summary(SAMPLES["failed"])


@pytest.mark.parametrize("name", SAMPLES)
def test_step_summary_holds_no_markup_of_others(name: str) -> None:
    text = render_step_summary(SAMPLES[name])
    assert all(character == "\n" or character.isprintable() for character in text)
    # Outside code spans (a run of backticks up to the next run of the same length).
    outside = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    tags = set(re.findall(r"<[^>]*>", outside))
    assert tags <= {"<br>", "<details>", "</details>", "<summary>", "</summary>"}
    assert "](" not in outside


@pytest.mark.parametrize("name", SAMPLES)
def test_step_summary_tables_keep_their_columns(name: str) -> None:
    for line in render_step_summary(SAMPLES[name]).splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 4
