"""The JSON report keeps to its documented shape."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.samples import EVIL, HOSTILE, SAMPLES, XGBOOST
from tests.schemas import undescribed
from trueup.interfaces.report import render_json
from trueup.judge.fingerprint import fingerprint
from trueup.model.finding import FileStatus, Report

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
SCHEMA = json.loads((REFERENCE / "report.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_validates(name: str) -> None:
    VALIDATOR.validate(json.loads(render_json(SAMPLES[name])))


@pytest.mark.parametrize("name", SAMPLES)
def test_every_key_is_described(name: str) -> None:
    """The schema is open to new keys, so validation alone would not notice a forgotten one."""
    document = json.loads(render_json(SAMPLES[name]))
    assert undescribed(document, SCHEMA) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"schema": "trueup.report/2"}, "'trueup.report/1' was expected"),
        ({"releases": [{}]}, "'project' is a required property"),
        ({"summary": None}, "None is not of type 'object'"),
    ],
)
def test_the_schema_refuses(change: dict[str, Any], fault: str) -> None:
    document = json.loads(render_json(SAMPLES["xgboost"])) | change
    messages = [error.message for error in VALIDATOR.iter_errors(document)]
    assert fault in messages


def test_the_documented_report_validates() -> None:
    text = (REFERENCE / "report-json.md").read_text("utf-8")
    blocks = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 1
    VALIDATOR.validate(json.loads(blocks[0]))


def test_values() -> None:
    document = json.loads(render_json(SAMPLES["xgboost"]))
    assert document["summary"] == {
        "releases": 1,
        "errors": 1,
        "warnings": 1,
        "infos": 0,
        "known": 0,
        "failures": 0,
        "worst": "error",
    }
    release = document["releases"][0]
    assert release["class"] == "irreconcilable"
    assert release["advice"] == "per target"
    assert release["findings"][0]["evidence"] == [
        {
            "files": ["xgboost-3.0.5-py3-none-manylinux_2_28_x86_64.whl"],
            "where": "glibc ≥ 2.28",
            "says": ["nvidia-nccl-cu12"],
        },
        {
            "files": ["xgboost-3.0.5-py3-none-manylinux2014_x86_64.whl"],
            "where": "glibc < 2.28",
            "says": [],
        },
    ]
    assert release["witnesses"][0]["environment"]["platform_machine"] == "x86_64"
    assert release["merged"] is None


def test_every_status_is_in_the_schema() -> None:
    known = SCHEMA["$defs"]["file"]["properties"]["status"]["enum"]
    assert sorted(known) == sorted(status.value for status in FileStatus)


def test_files_do_not_depend_on_the_order_of_the_listing() -> None:
    turned = replace(XGBOOST, files=XGBOOST.files[::-1])
    assert render_json(Report(releases=(turned,))) == render_json(SAMPLES["xgboost"])


def test_findings_carry_what_a_baseline_knows() -> None:
    (release,) = json.loads(render_json(SAMPLES["xgboost"]))["releases"]
    assert [item["fingerprint"] for item in release["findings"]] == [
        fingerprint(finding) for finding in XGBOOST.findings
    ]


def test_the_order_of_keys_is_fixed() -> None:
    document = json.loads(render_json(SAMPLES["failed"]))
    assert list(document) == ["schema", "tool", "summary", "releases", "failures"]
    assert list(document["releases"][0])[:4] == ["project", "version", "origin", "class"]
    assert render_json(SAMPLES["many"]) == render_json(SAMPLES["many"])


def test_signs_above_ascii_stay_readable() -> None:
    assert '"glibc ≥ 2.28"' in render_json(SAMPLES["xgboost"])


def test_hostile_values_are_escaped_and_come_back_whole() -> None:
    text = render_json(Report(releases=(HOSTILE,)))
    assert "<script" not in text
    assert "</script" not in text
    assert "##[" not in text
    assert all(character == "\n" or character.isprintable() for character in text)
    document = json.loads(text)
    assert document["releases"][0]["advice_reason"] == EVIL
    assert document["releases"][0]["findings"][0]["evidence"][0]["says"][1] == "##[add-mask]x"


def test_credentials_are_left_out() -> None:
    text = render_json(Report(releases=(HOSTILE,)))
    assert "secret" not in text
    assert json.loads(text)["releases"][0]["origin"] == "https://index.test/simple/hostile/"


def test_half_a_character_does_not_break_the_encoding() -> None:
    report = Report(releases=(), failures=(("a\udcffb\U000e0001", "x"),))
    text = render_json(report)
    text.encode("utf-8")
    assert json.loads(text)["failures"][0]["target"] == "a\\udcffb\U000e0001"


def test_one_release_costs_no_other() -> None:
    alone = json.loads(render_json(Report(releases=(XGBOOST,))))["releases"][0]
    assert alone in json.loads(render_json(SAMPLES["many"]))["releases"]
