"""The JSON report on an environment keeps to its documented shape."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name

from tests.judge.test_installed import dist, environment
from tests.schemas import undescribed
from trueup.features.env import env
from trueup.features.wheelcache import with_builds
from trueup.interfaces.report.installedjson import render_installed_json
from trueup.model.installed import DirectUrl, FileState, Layout
from trueup.model.installedreport import InstalledReport, Origin, OriginKind
from trueup.model.liverun import LiveRun, Pool
from trueup.model.metadata import Unreadable
from trueup.model.wheelcache import BuiltFrom, CachedBuild

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
SCHEMA = json.loads((REFERENCE / "env-report.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

DEMO = dist("demo 1.0", ["numpy<2"])
BUILD = CachedBuild(
    tool="pip",
    path="/cache/demo-1.0-py3-none-any.whl",
    filename="demo-1.0-py3-none-any.whl",
    project=canonicalize_name("demo"),
    version="1.0",
    tags=frozenset(parse_tag("py3-none-any")),
    metadata=dist("demo 1.0", ["six"]).metadata,
    source=BuiltFrom(
        place="https://index.test/demo-1.0.tar.gz",
        sha256="0" * 64,
        metadata=DEMO.metadata,
        known_by="pip's copy of the download",
    ),
    published=(("demo-1.0-py3-none-any.whl", DEMO.metadata),),
    published_sdists=(("demo-1.0.tar.gz", "1" * 64),),
)
LIVE = LiveRun(
    python="/env/bin/python",
    imported=("numpy",),
    refused=(("scipy", "ImportError: no"),),
    pools=(
        Pool(path="/a.so", user_api="blas", internal_api="openblas", version="0.3", threads=2),
        Pool(path="/b.so", user_api="openmp", internal_api="openmp", version=None, threads=None),
    ),
    expected=("/a.so", "/c.so"),
)


def whole() -> InstalledReport:
    return env(environment(DEMO, dist("numpy 1.26")))


def broken() -> InstalledReport:
    url = DirectUrl(url="https://index.test/demo.git", commit="abc")
    one = replace(
        DEMO, direct_url=url, faults=(("demo/core.py", FileState.MISSING),), layout=Layout.EGG_INFO
    )
    unread = replace(dist("odd 1"), metadata=Unreadable(reason="has no `METADATA`"), record=None)
    origin = Origin(
        distribution=one,
        kind=OriginKind.LOCAL_BUILD,
        known_by="its RECORD is another one",
        filename="demo-1.0-py3-none-any.whl",
        changed=(("Requires-Dist", ("numpy<3",), ("numpy<2",)),),
        explained=("Requires-Dist",),
    )
    report = env(environment(one, unread, dist("numpy 2.0")), origins=[origin])
    return with_builds(replace(report, failures=(("other", "is locked"),)), [BUILD])


REPORTS = {"whole": whole, "broken": broken}


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    shape = SCHEMA["$defs"]["distribution"]["properties"]
    assert shape["layout"]["enum"] == [layout.value for layout in Layout]
    states = shape["faults"]["items"]["properties"]["state"]["enum"]
    assert states == [state.value for state in FileState]
    assert shape["origin"]["properties"]["kind"]["enum"] == [kind.value for kind in OriginKind]


@pytest.mark.parametrize("live", [None, LIVE], ids=["at rest", "live"])
@pytest.mark.parametrize("name", REPORTS)
def test_every_report_validates_and_every_key_is_described(name: str, live: LiveRun | None) -> None:
    document = json.loads(render_installed_json(REPORTS[name](), None, live))
    VALIDATOR.validate(document)
    assert undescribed(document, SCHEMA) == []
    assert ("live" in document) == (live is not None)


def test_what_a_build_and_a_process_say() -> None:
    document = json.loads(render_installed_json(broken(), None, LIVE))
    (build,) = document["wheel_cache"]
    ((field, others),) = [(one["field"], one["with"]) for one in build["differs"]]
    assert (field, [one["name"] for one in others]) == (
        "Requires-Dist", ["its sdist", "demo-1.0-py3-none-any.whl"],
    )  # fmt: skip
    assert build["sdist_changes"] == ["`demo-1.0.tar.gz` is published with another content"]
    live = document["live"]
    assert (live["confirmed"], live["not_loaded"], live["not_expected"]) == (
        ["/a.so"], ["/c.so"], ["/b.so"],
    )  # fmt: skip


def test_the_documented_report_is_the_real_one() -> None:
    text = (REFERENCE / "env-report-json.md").read_text("utf-8")
    (block,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    shown = json.loads(block)
    VALIDATOR.validate(shown)
    real = json.loads(render_installed_json(env(environment(DEMO))))
    assert {**shown, "tool": real["tool"]} == real
