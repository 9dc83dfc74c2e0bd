"""The JSON report on native code keeps to its documented shape."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.nativesamples import NATIVE_SAMPLES
from tests.schemas import undescribed
from trueup.interfaces.report.nativejson import render_native_json
from trueup.model.gpu import parse_gpu
from trueup.model.library import BinaryFormat, GpuKind
from trueup.model.loading import Found
from trueup.model.nativereport import Degree, Scope

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
SCHEMA = json.loads((REFERENCE / "native-report.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    shapes = SCHEMA["$defs"]
    assert shapes["scope"]["enum"] == [scope.value for scope in Scope]
    assert shapes["degree"]["enum"] == [degree.value for degree in Degree]
    image = shapes["image"]["properties"]
    assert image["format"]["enum"] == [kind.value for kind in BinaryFormat]
    kinds = image["gpu"]["items"]["properties"]["kind"]["enum"]
    assert kinds == [kind.value for kind in GpuKind]
    link = shapes["closure"]["properties"]["links"]["items"]["properties"]
    assert link["found"]["enum"] == [found.value for found in Found]


@pytest.mark.parametrize("gpu", [None, "sm_90"])
@pytest.mark.parametrize("name", NATIVE_SAMPLES)
def test_every_sample_validates_and_every_key_is_described(name: str, gpu: str | None) -> None:
    device = None if gpu is None else parse_gpu(gpu)
    document = json.loads(render_native_json(NATIVE_SAMPLES[name], gpu=device))
    VALIDATOR.validate(document)
    assert undescribed(document, SCHEMA) == []
    assert ("device" in document) == (gpu is not None)


def test_the_documented_report_validates() -> None:
    text = (REFERENCE / "native-report-json.md").read_text("utf-8")
    (block,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    shown = json.loads(block)
    VALIDATOR.validate(shown)
    written = json.loads(render_native_json(NATIVE_SAMPLES["one"]))
    # Of the long lists the page shows the beginning.
    for key in ("distributions", "environments"):
        _is_beginning(shown[key], written[key])
    assert shown["summary"].pop("duplicated")[0] in written["summary"].pop("duplicated")
    assert shown["summary"] == written["summary"]


def _is_beginning(shown: Any, written: Any) -> None:
    if isinstance(shown, list):
        for one, other in zip(shown, written, strict=False):
            _is_beginning(one, other)
    elif isinstance(shown, dict):
        assert shown.keys() == written.keys()
        for key in shown:
            _is_beginning(shown[key], written[key])
    else:
        assert shown == written


def test_equal_reports_give_equal_bytes() -> None:
    first, second = (render_native_json(NATIVE_SAMPLES["mixed"]) for _ in range(2))
    assert first == second
