"""The SARIF report on locks: results at the lines of the lock."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.interfaces.report.test_sarif import LOG
from tests.locksamples import LOCK_SAMPLES, UNSOUND
from trueup.interfaces.report.locksarif import render_lock_sarif
from trueup.judge.lockrules import LOCK_RULES
from trueup.judge.rule import RulePage
from trueup.model.lockreport import VerifyReport


def _results(report: VerifyReport, rules: Iterable[RulePage] = LOCK_RULES) -> list[dict[str, Any]]:
    results = json.loads(render_lock_sarif(report, rules))["runs"][0]["results"]
    assert isinstance(results, list)
    return results


@pytest.mark.parametrize("name", LOCK_SAMPLES)
@pytest.mark.parametrize("rules", [LOCK_RULES, ()])
def test_every_sample_is_sarif(name: str, rules: Iterable[RulePage]) -> None:
    text = render_lock_sarif(LOCK_SAMPLES[name], rules)
    jsonschema.Draft202012Validator(LOG).validate(json.loads(text))


def test_a_result_stands_at_its_line_and_names_the_files() -> None:
    result = _results(LOCK_SAMPLES["unsound"])[1]
    (location,) = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "uv.lock"},
        "region": {"startLine": 120},
    }
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "xgboost 3.0.5"
    (related,) = result["relatedLocations"]
    assert related["physicalLocation"]["artifactLocation"]["uri"] == (
        "xgboost-3.0.5-py3-none-manylinux_2_28_x86_64.whl"
    )


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("sub/uv.lock", "sub/uv.lock"),
        ("sub\\uv.lock", "sub/uv.lock"),
        ("//host/uv.lock", "/host/uv.lock"),
        ("a:b/uv.lock", "a%3Ab/uv.lock"),
    ],
)
def test_paths(path: str, uri: str) -> None:
    finding = replace(UNSOUND.findings[0], origin=f"{path}:7")
    (result,) = _results(_of([replace(UNSOUND, path=path, findings=(finding,))]))
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 7}
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_the_same_fault_of_two_locks_is_two() -> None:
    findings = tuple(replace(item, origin=None) for item in UNSOUND.findings)
    locks = (UNSOUND, replace(UNSOUND, path="other.lock", findings=findings))
    prints = [result["partialFingerprints"]["trueup/v1"] for result in _results(_of(locks))]
    assert len(set(prints)) == 4


def _of(locks: Any) -> VerifyReport:
    return VerifyReport(locks=tuple(locks))


def test_what_is_about_no_release_names_none() -> None:
    finding = replace(UNSOUND.findings[0], project="", version="", message="has no entries")
    (result,) = _results(_of([replace(UNSOUND, findings=(finding,))]))
    assert "logicalLocations" not in result["locations"][0]
    assert result["message"]["text"] == "has no entries"
