"""Known today, fail on new ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from trueup.judge.fingerprint import fingerprint
from trueup.model.errors import UsageError
from trueup.model.finding import Evidence, Finding, Severity
from trueup.sources.baseline import read_baseline, write_baseline

DIFFER = Finding(
    code="dependencies-differ",
    severity=Severity.ERROR,
    project="demo",
    version="1.0",
    message="no marker can tell these files apart",
    field="Requires-Dist",
    evidence=(
        Evidence(files=("demo-1.0-py3-none-manylinux_2_28_x86_64.whl",), says=("nccl==1.0",)),
        Evidence(files=("demo-1.0-py3-none-manylinux2014_x86_64.whl",), where="glibc < 2.28"),
    ),
)
UNREAD = Finding(
    code="unread-file",
    severity=Severity.ERROR,
    project="demo",
    version="1.0",
    message="`METADATA` is empty",
    evidence=(Evidence(files=("demo-1.0-py3-none-any.whl",)),),
)
BARE = Finding(
    code="late-upload", severity=Severity.WARNING, project="demo", version="1.0", message="late"
)


def test_what_is_written_is_known(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    assert write_baseline(path, [UNREAD, DIFFER, BARE, DIFFER]) == 3
    assert read_baseline(path) == {fingerprint(DIFFER), fingerprint(UNREAD), fingerprint(BARE)}


def test_the_file_does_not_depend_on_the_order(tmp_path: Path) -> None:
    write_baseline(tmp_path / "a.json", [UNREAD, DIFFER, BARE])
    write_baseline(tmp_path / "b.json", [BARE, DIFFER, UNREAD])
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    known = json.loads((tmp_path / "a.json").read_text())["known"]
    assert [entry["code"] for entry in known] == [
        "dependencies-differ",
        "late-upload",
        "unread-file",
    ]


def at_version(finding: Finding, version: str) -> Finding:
    return replace(
        finding,
        version=version,
        evidence=tuple(
            replace(
                evidence,
                files=tuple(name.replace("1.0", version) for name in evidence.files),
                says=tuple(text.replace("1.0", version) for text in evidence.says),
            )
            for evidence in finding.evidence
        ),
    )


@pytest.mark.parametrize("finding", [DIFFER, UNREAD, BARE])
def test_the_same_fault_at_the_next_version_is_known(finding: Finding) -> None:
    assert fingerprint(at_version(finding, "1.1")) == fingerprint(finding)


def test_wording_severity_and_more_files_do_not_count_where_files_disagree() -> None:
    first, second = DIFFER.evidence
    changed = replace(
        DIFFER,
        severity=Severity.INFO,
        message="other words",
        evidence=(replace(first, files=(*first.files, "demo-1.0-cp314-any.whl")), second),
    )
    assert fingerprint(changed) == fingerprint(DIFFER)


def test_another_matter_is_new() -> None:
    first, second = DIFFER.evidence
    others = [
        replace(DIFFER, code="other"),
        replace(DIFFER, project="other"),
        replace(DIFFER, field="Provides-Extra"),
        replace(DIFFER, evidence=(replace(first, says=("nccl==2.0",)), second)),
        replace(UNREAD, evidence=(Evidence(files=("demo-1.0.tar.gz",)),)),
        replace(BARE, message="later"),
    ]
    known = {fingerprint(DIFFER), fingerprint(UNREAD), fingerprint(BARE)}
    assert all(fingerprint(other) not in known for other in others)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "`{path}`: is not valid JSON: Expecting property name"),
        (
            "[]",
            '`{path}`: is no baseline file of this version, expected `"trueup-baseline": 1`',
        ),
        ('{"trueup-baseline": 2}', "`{path}`: is no baseline file of this version"),
        ('{"trueup-baseline": 1}', "`{path}`: `known[0]` has no fingerprint"),
        (
            '{"trueup-baseline": 1, "known": [{"fingerprint": "a"}, {}]}',
            "`{path}`: `known[1]` has no fingerprint",
        ),
    ],
)
def test_malformed_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "known.json"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_baseline(path)
    assert str(caught.value).startswith(message.replace("{path}", str(path)))
    assert caught.value.hint == "write it anew with `--write-baseline`"


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_baseline(tmp_path / "known.json")
    assert caught.value.hint == "create it with `--write-baseline`"
