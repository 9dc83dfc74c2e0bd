"""Workflow commands and the step's summary about locks."""

from __future__ import annotations

from dataclasses import replace

from tests.locksamples import LOCK_SAMPLES, UNSOUND
from trueup.interfaces.report.lockgithub import render_lock_github, render_lock_summary
from trueup.model.lockreport import VerifyReport


def test_annotations_stand_at_the_lines_of_the_lock() -> None:
    assert render_lock_github(LOCK_SAMPLES["unsound"]).splitlines() == [
        "::error title=missing-requirement%3A xgboost 3.0.5,file=uv.lock,line=120::"
        "xgboost 3.0.5: asks for `nvidia-nccl-cu12`, which the lock does not install%0A"
        "where: Linux x86_64%0A"
        "xgboost-3.0.5-py3-none-manylinux_2_28_x86_64.whl: "
        "nvidia-nccl-cu12; platform_system == 'Linux'%0A"
        "hint: add it as a requirement of your own, or use `trueup lock`",
        "::warning title=file-withdrawn%3A six 1.16.0,file=uv.lock,line=90::"
        "six 1.16.0: was yanked%0Asix-1.16.0-py2.py3-none-any.whl: wrong metadata",
        "::warning title=not proven,file=uv.lock::"
        "1 file would be installed, and its requirements are unknown%0A"
        "the sdist's metadata is older than 2.2, so it promises nothing%0A"
        "  nmslib-2.1.1.tar.gz: Python ≥ 3.10%0A"
        "hint: that is neither right nor wrong: lock a version that has a wheel there, or find "
        "out with `trueup prove NAME==VERSION` what a build asks for",
        "1 error, 1 warning in 1 lock; 1 file is not proven",
    ]


def test_a_finding_without_a_line_stands_at_the_lock() -> None:
    findings = tuple(replace(finding, origin=None) for finding in UNSOUND.findings)
    report = VerifyReport(locks=(replace(UNSOUND, findings=findings),))
    assert ",file=uv.lock::" in render_lock_github(report).splitlines()[0]


def test_failures_are_errors() -> None:
    lines = render_lock_github(LOCK_SAMPLES["nothing"]).splitlines()
    assert lines[0] == "::error title=could not be judged::`uv.lock`: cannot be read"


def test_hostile_values_start_no_command() -> None:
    lines = render_lock_github(LOCK_SAMPLES["hostile"]).splitlines()
    assert [line.split(" ")[0] for line in lines[:-1]] == ["::error", "::warning", "::error"]
    assert "##[" not in "\n".join(lines)


def test_step_summary() -> None:
    text = render_lock_summary(LOCK_SAMPLES["many"])
    assert "### uv&#46;lock&#58; unsound; 106 entries, 12 targets, 311 of 312 files read\n" in text
    assert "- `cp313-windows-amd64`\n" in text
    assert "**❌ error** `missing-requirement`: xgboost 3&#46;0&#46;5&#58; asks for " in text
    assert "**⚠️ not proven** 1 file would be installed" in text
    assert '    name = "xgboost"\n' in text
    assert "- `Pipfile.lock`: is not valid JSON\n" in text


def test_step_summary_shows_hostile_values_as_text() -> None:
    text = render_lock_summary(LOCK_SAMPLES["hostile"])
    assert "\n<script" not in text
    assert "\n    </pre><script>alert(1)</script>\n" in text
    assert "&#60;img" in text
