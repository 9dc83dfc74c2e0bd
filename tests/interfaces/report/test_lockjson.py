"""The JSON report on locks keeps to its documented shape."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.locksamples import LOCK_SAMPLES, MISSING
from tests.schemas import undescribed
from trueup.interfaces.report.lockjson import render_lock_json
from trueup.judge.fingerprint import fingerprint
from trueup.model.lock import LockKind
from trueup.model.lockreport import LockVerdict

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
SCHEMA = json.loads((REFERENCE / "lock-report.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    lock = SCHEMA["$defs"]["lock"]["properties"]
    assert lock["kind"]["enum"] == [kind.value for kind in LockKind]
    assert lock["verdict"]["enum"] == [verdict.value for verdict in LockVerdict]


@pytest.mark.parametrize("name", LOCK_SAMPLES)
def test_every_sample_validates_and_every_key_is_described(name: str) -> None:
    document = json.loads(render_lock_json(LOCK_SAMPLES[name]))
    VALIDATOR.validate(document)
    assert undescribed(document, SCHEMA) == []


def test_the_documented_report_validates() -> None:
    text = (REFERENCE / "lock-report-json.md").read_text("utf-8")
    (block,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    document = json.loads(block)
    VALIDATOR.validate(document)
    shown = document["locks"][0]["findings"][0]
    written = json.loads(render_lock_json(LOCK_SAMPLES["unsound"]))["locks"][0]["findings"][1]
    assert shown == written


def test_values() -> None:
    document = json.loads(render_lock_json(LOCK_SAMPLES["many"]))
    assert document["summary"] == {
        "locks": 3,
        "errors": 1,
        "warnings": 1,
        "infos": 0,
        "known": 3,
        "failures": 1,
        "worst": "error",
        "not_proven": 2,
    }
    assert [lock["verdict"] for lock in document["locks"]] == ["unsound", "sound", "not proven"]
    assert document["locks"][0]["findings"][1]["fingerprint"] == fingerprint(MISSING)
    assert document["failures"] == [{"target": "Pipfile.lock", "reason": "is not valid JSON"}]


def test_hostile_values_are_escaped_and_come_back_whole() -> None:
    text = render_lock_json(LOCK_SAMPLES["hostile"])
    assert "<script" not in text
    assert "##[" not in text
    assert all(character == "\n" or character.isprintable() for character in text)
    assert json.loads(text)["locks"][0]["path"] == "a<script>alert(1)</script>.lock"
