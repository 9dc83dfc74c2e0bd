"""Rules about installed environments, from a few words; real environments are in tests/real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.releases import metadata_text
from trueup.features.env import env
from trueup.judge.installed import InstalledJudgement
from trueup.judge.rule import RuleSettings
from trueup.model.errors import UsageError
from trueup.model.installed import (
    DirectUrl,
    Entry,
    FileState,
    InstalledDistribution,
    InstalledEnvironment,
    Layout,
    Rows,
    Runtime,
)
from trueup.model.metadata import Unreadable, parse_metadata

RUNTIME = Runtime(
    environment={
        "implementation_name": "cpython",
        "implementation_version": "3.12.1",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "6.1",
        "platform_system": "Linux",
        "platform_version": "1",
        "python_full_version": "3.12.1",
        "python_version": "3.12",
        "sys_platform": "linux",
    },
    tags=frozenset({*parse_tag("py3-none-any"), *parse_tag("cp312-cp312-linux_x86_64")}),
    known_by="`pyvenv.cfg`",
)


def dist(
    title: str,
    requires: Sequence[str] = (),
    *,
    python: str | None = None,
    files: Sequence[str] = ("{name}/__init__.py",),
    tags: str = "py3-none-any",
    site: str = "/site",
    **others: Any,
) -> InstalledDistribution:
    name, _, version = title.partition(" ")
    text = metadata_text(name=name, version=version, requires=requires, python=python)
    return InstalledDistribution(
        project=canonicalize_name(name),
        version=Version(version),
        written_version=version,
        layout=Layout.DIST_INFO,
        site=site,
        folder=f"{name}-{version}.dist-info",
        **{
            "metadata": parse_metadata(text.encode()),
            "record": Rows(Entry(path=path.format(name=name)) for path in files),
            "tags": parse_tag(tags),
            **others,
        },
    )


def environment(*distributions: InstalledDistribution, **others: Any) -> InstalledEnvironment:
    return InstalledEnvironment(
        where="here", sites=("/site",), distributions=distributions, runtime=RUNTIME, **others
    )


def told(*distributions: InstalledDistribution, **others: Any) -> list[tuple[str, str, str]]:
    report = env(environment(*distributions, **others))
    return [(one.code, one.project, one.message) for one in report.findings]


@pytest.mark.parametrize(
    ("distributions", "expected"),
    [
        ([dist("a 1.0"), dist("b 2.0", ["a"])], []),
        ([dist("b 2.0", ["a"])],
         [("requirement-not-installed", "b", "asks for `a`, which is not installed")]),
        ([dist("b 2.0", ["a; sys_platform == 'win32'"])], []),
        ([dist("b 2.0", ["a; extra == 'x'"])], []),
        ([dist("b 2.0", ["a; extra == 'x'"]), dist("c 1.0", ["b[x]"])],
         [("requirement-not-installed", "b",
           "asks for `a` for its extra `x`, which is not installed")]),
        ([dist("a 3.0"), dist("b 2.0", ["A<3"])],
         [("version-not-allowed", "b", "asks for `a<3`, and a 3.0 is installed")]),
        # What is there counts, pre-release or not, as with pip.
        ([dist("a 3.0rc1"), dist("b 2.0", ["a>=2"])], []),
        ([dist("a 1.0", ["b"]), dist("b 1.0", ["a"])], []),
        ([dist("a 1.0", ["a[x]", "b; extra == 'x'"])],
         [("requirement-not-installed", "a",
           "asks for `b` for its extra `x`, which is not installed")]),
        ([dist("a 1.0", python="<3.12")],
         [("python-not-allowed", "a", "does not allow Python 3.12.1: `<3.12`")]),
        ([dist("a 1.0", tags="cp311-cp311-linux_x86_64")],
         [("wheel-for-another-python", "a",
           "is not for this interpreter, CPython 3.12.1, Linux x86_64")]),
        ([dist("a 1.0", record=None)], [("record-missing", "a", "has no list of its files")]),
        ([dist("a 1.0", record=None, owner="dpkg: python3-a 1.0-1")], []),
        ([dist("a 1.0", faults=(("a/x.py", FileState.MISSING), ("a/y.py", FileState.SIZE)))],
         [("file-not-as-recorded", "a",
           "not as it was installed: 1 file is missing, 1 file has another size")]),
        ([dist("a 1.0", faults=(("../../../x", FileState.OUTSIDE),))],
         [("file-outside", "a", "its RECORD lists files outside of the environment")]),
        ([dist("a 1.0", files=["x.py"]), dist("b 1.0", files=["b.py", "sub/../x.py"])],
         [("file-owned-twice", "a", "shares files with b 1.0")]),
        ([dist("a 1.0", metadata=Unreadable(reason="has no `METADATA`"))],
         [("unreadable-distribution", "a", "what it asks for is not known: has no `METADATA`")]),
        ([dist("a 2.0"), dist("a 1.0", site="/other", shadowed=True)],
         [("shadowed-distribution", "a", "is hidden by a 2.0")]),
        ([dist("a 2.0", files=["a2"]), dist("a 1.0", files=["a1"])],
         [("shadowed-distribution", "a", "stands twice in one folder")]),
        ([dist("a 1.0", direct_url=DirectUrl(url="file:///src/a", editable=True))],
         [("not-from-an-index", "a", "is editable, from `file:///src/a`")]),
    ],
)  # fmt: skip
def test_rules(
    distributions: list[InstalledDistribution], expected: list[tuple[str, str, str]]
) -> None:
    assert told(*distributions) == expected


def test_a_shadowed_distribution_asks_for_nothing() -> None:
    hidden = dist("b 1.0", ["missing"], site="/other", shadowed=True)
    assert [code for code, *_ in told(dist("b 2.0"), hidden)] == ["shadowed-distribution"]


def test_leftovers_are_told() -> None:
    assert told(leftovers=(("/site", "~ip", "pip renamed it"),)) == [
        ("leftover", "~ip", "is left over: pip renamed it")
    ]


def test_needs_say_who_asks_and_for_which_extra() -> None:
    judgement = InstalledJudgement(
        environment=environment(
            dist("a 1.0", ["b[x]"]), dist("b 1.0", ["c; extra == 'x'", "d; extra == 'y'"])
        )
    )
    assert [(one.by.project, one.extra, str(one.requirement)) for one in judgement.needs] == [
        ("a", None, "b[x]"),
        ("b", "x", 'c; extra == "x"'),
    ]


def test_a_rule_that_does_not_exist_is_refused() -> None:
    settings = replace(RuleSettings(), ignore=frozenset({"nothing"}))
    with pytest.raises(UsageError, match="no rule has the code `nothing`"):
        env(environment(), settings=settings)
