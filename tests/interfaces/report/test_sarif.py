"""The SARIF report, held against the parts of SARIF 2.1.0 that it uses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.samples import NMSLIB, SAMPLES, XGBOOST
from trueup.interfaces.report import render_sarif
from trueup.judge.rule import Rule
from trueup.model.finding import Finding, Report, Severity

PAGE = """
Dependencies of wheels differ.

## Before

Two wheels, two lists.
"""


def _nothing(_: object) -> Iterable[Finding]:
    return ()


RULES = (
    Rule(code="dependencies-differ", severity=Severity.ERROR, check=_nothing, page=PAGE),
    Rule(code="metadata-legacy", severity=Severity.INFO, check=_nothing, page="Old metadata."),
    Rule(code="never-seen", severity=Severity.WARNING, check=_nothing, page="Never seen."),
)


def _closed(required: Iterable[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


STRING = {"type": "string"}
TEXT = {"type": "string", "minLength": 1}
INDEX = {"type": "integer", "minimum": 0}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = _closed(["text"], text=TEXT)  # 3.11, without identifiers and arguments
MULTIFORMAT = _closed(["text"], text=TEXT, markdown=TEXT)  # 3.12
LOGICAL = _closed([], fullyQualifiedName=TEXT, kind=TEXT)  # 3.33
PHYSICAL = _closed(  # 3.29; 3.30.5: lines are numbered from 1
    ["artifactLocation"],
    artifactLocation=_closed(["uri"], uri={"type": "string", "format": "uri-reference"}),
    region=_closed(["startLine"], startLine={"type": "integer", "minimum": 1}),
)
LOCATION = _closed(  # 3.28
    [], id=INDEX, physicalLocation=PHYSICAL, logicalLocations=_list(LOGICAL), message=MESSAGE
)
RESULT = _closed(  # 3.27
    ["message", "ruleId"],
    ruleId=TEXT,
    ruleIndex=INDEX,
    level=LEVEL,
    message=MESSAGE,
    locations=_list(LOCATION),
    relatedLocations=_list(LOCATION, uniqueItems=True),
    partialFingerprints={"type": "object", "additionalProperties": STRING},
    properties={"type": "object"},
)
RULE = _closed(  # 3.49
    ["id"],
    id=TEXT,
    name=TEXT,
    shortDescription=MULTIFORMAT,
    fullDescription=MULTIFORMAT,
    help=MULTIFORMAT,
    defaultConfiguration=_closed([], level=LEVEL),
)
NOTIFICATION = _closed(["message"], level=LEVEL, message=MESSAGE)  # 3.58
RUN = _closed(  # 3.14
    ["tool"],
    tool=_closed(
        ["driver"],
        driver=_closed(["name"], name=TEXT, version=TEXT, rules=_list(RULE, uniqueItems=True)),
    ),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    invocations=_list(
        _closed(
            ["executionSuccessful"],
            executionSuccessful={"type": "boolean"},
            toolExecutionNotifications=_list(NOTIFICATION),
        )
    ),
    results=_list(RESULT),
)
LOG = _closed(  # 3.13
    ["version", "runs"],
    **{"$schema": {"type": "string", "format": "uri"}, "version": {"const": "2.1.0"}},
    runs=_list(RUN),
)


def _run(report: Report, rules: Iterable[Rule] = RULES) -> dict[str, Any]:
    run = json.loads(render_sarif(report, rules))["runs"][0]
    assert isinstance(run, dict)
    return run


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("rules", [RULES, ()])
def test_every_sample_is_sarif(name: str, rules: tuple[Rule, ...]) -> None:
    document = json.loads(render_sarif(SAMPLES[name], rules))
    jsonschema.Draft202012Validator(LOG).validate(document)
    described = document["runs"][0]["tool"]["driver"]["rules"]
    for result in document["runs"][0]["results"]:
        # 3.27.6: the index, where there is one, leads to the rule that the id names.
        assert described[result["ruleIndex"]]["id"] == result["ruleId"]
        assert len(result["locations"]) == 1
        related = [location["id"] for location in result.get("relatedLocations", ())]
        assert related == sorted(set(related))  # 3.28.2: unique within the result


def test_rules_are_described() -> None:
    rules = _run(SAMPLES["nmslib"])["tool"]["driver"]["rules"]
    assert rules[0] == {
        "id": "dependencies-differ",
        "name": "DependenciesDiffer",
        "shortDescription": {"text": "Dependencies of wheels differ"},
        "fullDescription": {"text": "Dependencies of wheels differ."},
        "help": {"text": PAGE.strip(), "markdown": PAGE.strip()},
        "defaultConfiguration": {"level": "error"},
    }
    assert [rule["id"] for rule in rules] == [
        "dependencies-differ",
        "metadata-legacy",
        "never-seen",
    ]


def test_a_result() -> None:
    first, second = _run(SAMPLES["xgboost"])["results"]
    assert first["level"] == "error"
    assert second["level"] == "warning"
    assert first["message"]["text"] == (
        "xgboost 3.0.5: no marker can tell these files apart (Linux x86_64, Python 3.10); "
        "hint: uv, Poetry and PDM read one of them and lock it for both"
    )
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == (
        "xgboost-3.0.5-py3-none-manylinux_2_28_x86_64.whl"
    )
    assert [location["message"]["text"] for location in first["relatedLocations"]] == [
        "glibc ≥ 2.28: nvidia-nccl-cu12",
        "glibc < 2.28: (nothing more)",
    ]


def test_information_is_a_note() -> None:
    assert [item["level"] for item in _run(SAMPLES["nmslib"])["results"]] == ["error", "note"]


def test_a_finding_without_files_has_the_release_as_its_place() -> None:
    finding = replace(NMSLIB.findings[1], evidence=())
    report = Report(releases=(replace(NMSLIB, findings=(finding,)),))
    assert _run(report)["results"][0]["locations"] == [
        {"logicalLocations": [{"fullyQualifiedName": "nmslib 2.1.1", "kind": "package"}]}
    ]


def test_failures_are_notifications() -> None:
    assert _run(SAMPLES["failed"])["invocations"] == [
        {
            "executionSuccessful": False,
            "toolExecutionNotifications": [
                {
                    "level": "error",
                    "message": {
                        "text": "could not judge `nosuch==1.0`: "
                        "`nosuch`: the index does not have this project"
                    },
                }
            ],
        }
    ]


def _fingerprint(finding: Finding) -> str:
    report = Report(releases=(replace(XGBOOST, findings=(finding,)),))
    fingerprints = _run(report)["results"][0]["partialFingerprints"]
    assert re.fullmatch(r"[0-9a-f]{16}:1", fingerprints["primaryLocationLineHash"])
    value = fingerprints["trueup/v1"]
    assert isinstance(value, str)
    return value


def test_fingerprints_depend_on_the_matter_and_not_on_the_wording() -> None:
    finding = XGBOOST.findings[0]
    base = _fingerprint(finding)
    reworded = replace(finding, message="other words", hint=None, severity=Severity.WARNING)
    assert _fingerprint(reworded) == base
    assert _fingerprint(replace(finding, evidence=finding.evidence[::-1])) == base
    for other in (
        replace(finding, code="other"),
        replace(finding, version="3.0.6"),
        replace(finding, field="Requires-Python"),
        replace(finding, where="Linux aarch64"),
        replace(finding, evidence=finding.evidence[:1]),
    ):
        assert _fingerprint(other) != base


def test_hostile_values() -> None:
    text = render_sarif(SAMPLES["hostile"], RULES)
    assert all(character == "\n" or character.isprintable() for character in text)
    assert "<script" not in text
    result = json.loads(text)["runs"][0]["results"][0]
    # 3.11.6: no value may make a link.
    assert "](" not in result["message"]["text"]
    assert r"\x1b[31m" in result["message"]["text"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    assert unquote(uri) == SAMPLES["hostile"].releases[0].files[0].filename
