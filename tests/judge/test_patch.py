"""What a ledger makes of upstream's metadata, and where the two have come apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from trueup.judge.patch import apply_ledger
from trueup.model.errors import UsageError
from trueup.model.patch import Application, Content, DriftKind, Outcome
from trueup.sources.ledger import parse_ledger

TODAY = date(2026, 11, 21)
UPSTREAM = Content(
    project=canonicalize_name("demo"),
    version=Version("1.5"),
    metadata_version=(2, 4),
    requires_dist=(
        "numpy <2.3,>=1.22.4",
        "Importlib_Resources; python_version<'3.9'",
        "rich (>=12,!=13.1,<14) ; sys_platform == 'linux'",
        "rich (>=12,<15) ; sys_platform != 'linux'",
        "requests[socks]~=2.31",
        "matplotlib>=3; os_name=='nt' or os_name=='java'",
        "pyqt5<6; extra == 'gui'",
        "foo; extra=='gui' or extra == 'dev'",
        "pin===1.0",
        "far @ https://index.test/far.whl ; os_name == 'nt'",
        "bad requirement >= 1",
    ),
    provides_extra=("gui", "dev"),
    requires_python=">=3.8,<3.13",
    license="MIT",
    entry_points="[console_scripts]\ndemo = demo:main\n",
)


def patched(
    operations: str,
    content: Content = UPSTREAM,
    *,
    preemptive: list[str] | None = None,
    accept_drift: bool = False,
) -> Application:
    text = f'[[patch]]\nproject = "demo"\nreason = "why"\n{operations}'
    return apply_ledger(
        parse_ledger(text),
        content,
        today=TODAY,
        preemptive=None if preemptive is None else [canonicalize_name(name) for name in preemptive],
        accept_drift=accept_drift,
    )


def changes(application: Application) -> list[str]:
    """What is different, as `-old` and `+new` lines."""
    before, after = application.before, application.after
    rows = [
        *((f"-{line}") for line in before.requires_dist if line not in after.requires_dist),
        *((f"+{line}") for line in after.requires_dist if line not in before.requires_dist),
        *((f"-extra {name}") for name in before.provides_extra if name not in after.provides_extra),
        *((f"+extra {name}") for name in after.provides_extra if name not in before.provides_extra),
    ]
    single = ("requires_python", "summary", "license", "license_expression", "description")
    return rows + [
        f"{name} {getattr(after, name)!r}"
        for name in (*single, "entry_points")
        if getattr(before, name) != getattr(after, name)
    ]


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ('drop-upper = "numpy"', ["-numpy <2.3,>=1.22.4", "+numpy >=1.22.4"]),
        ('drop-lower = ["NumPy"]', ["-numpy <2.3,>=1.22.4", "+numpy <2.3"]),
        ('set-upper = ["numpy<3"]', ["-numpy <2.3,>=1.22.4", "+numpy <3,>=1.22.4"]),
        ('set-upper = ["numpy<3"]\nset-lower = ["numpy>=2"]',
         ["-numpy <2.3,>=1.22.4", "+numpy <3,>=2"]),
        ('set-upper = ["numpy<5"]\nset-lower = ["numpy>=4"]',
         ["-numpy <2.3,>=1.22.4", "+numpy <5,>=4"]),
        ('drop-upper = ["rich"]',
         ["-rich (>=12,!=13.1,<14) ; sys_platform == 'linux'",
          "-rich (>=12,<15) ; sys_platform != 'linux'",
          "+rich (>=12,!=13.1) ; sys_platform == 'linux'",
          "+rich (>=12) ; sys_platform != 'linux'"]),
        ("drop-upper = [\"rich; sys_platform=='linux'\"]",
         ["-rich (>=12,!=13.1,<14) ; sys_platform == 'linux'",
          "+rich (>=12,!=13.1) ; sys_platform == 'linux'"]),
        ('drop-upper = "requests[socks]"', ["-requests[socks]~=2.31", "+requests[socks]>=2.31"]),
        ('replace = { requests = "niquests>=3" }', ["-requests[socks]~=2.31", "+niquests>=3"]),
        ('replace = { importlib-resources = "backport>=1" }',
         ["-Importlib_Resources; python_version<'3.9'", "+backport>=1; python_version<'3.9'"]),
        ('replace = { bad = "good>=1" }', ["-bad requirement >= 1", "+good>=1"]),
        ('remove = ["importlib.resources", "bad"]',
         ["-Importlib_Resources; python_version<'3.9'", "-bad requirement >= 1"]),
        ('add = ["zope>=2", "attrs"]', ["+attrs", "+zope>=2"]),
        ('set-marker = { numpy = "os_name == \'nt\'" }',
         ["-numpy <2.3,>=1.22.4", '+numpy <2.3,>=1.22.4; os_name == "nt"']),
        ('set-marker = { importlib_resources = "" }',
         ["-Importlib_Resources; python_version<'3.9'", "+Importlib_Resources"]),
        ('move-to-extra = { numpy = "fast" }',
         ["-numpy <2.3,>=1.22.4", '+numpy <2.3,>=1.22.4; extra == "fast"', "+extra fast"]),
        ('move-to-extra = { matplotlib = "dev" }\nset-lower = ["matplotlib>=3.9"]',
         ["-matplotlib>=3; os_name=='nt' or os_name=='java'",
          "+matplotlib>=3.9; (os_name=='nt' or os_name=='java') and extra == \"dev\""]),
        ('requires-python = { set = ">=3.8" }', ["requires_python '>=3.8'"]),
        ("requires-python = { remove = true }", ["requires_python None"]),
        ('summary = { set = "Short" }', ["summary 'Short'"]),
        ('description = { set = """Longer\ntext\n""" }', ["description 'Longer\\ntext'"]),
        ('license-expression = { set = "mit" }\nlicense = { remove = true }',
         ["license None", "license_expression 'MIT'"]),
        ('extras = { set = ["all"] }', ["+extra all"]),
        ('extras = { remove = ["gui"] }',
         ["-pyqt5<6; extra == 'gui'", "-foo; extra=='gui' or extra == 'dev'",
          '+foo; extra == "dev"', "-extra gui"]),
        ('entry-points = { set = { console_scripts = { demo = "demo.cli:run" } } }',
         ["entry_points '[console_scripts]\\ndemo = demo.cli:run\\n'"]),
        ('entry-points = { remove = { console_scripts = ["demo"] } }', ["entry_points None"]),
    ],
)  # fmt: skip
def test_operations(operations: str, expected: list[str]) -> None:
    application = patched(operations)
    assert changes(application) == expected
    assert {effect.outcome for effect in application.effects} == {Outcome.CHANGED}
    assert not application.drift
    # Applied again, to what it made of it, nothing changes.
    assert patched(operations, application.after).after == application.after


def test_only_preemptive_bounds_are_dropped() -> None:
    application = patched("drop-preemptive = true", preemptive=["rich", "requests"])
    assert changes(application) == [
        "-rich (>=12,!=13.1,<14) ; sys_platform == 'linux'",
        "-rich (>=12,<15) ; sys_platform != 'linux'",
        "-requests[socks]~=2.31",
        "+rich (>=12,!=13.1) ; sys_platform == 'linux'",
        "+rich (>=12) ; sys_platform != 'linux'",
        "+requests[socks]>=2.31",
    ]
    one = patched('drop-preemptive = ["requests"]', preemptive=["rich", "requests"])
    assert changes(one) == ["-requests[socks]~=2.31", "+requests[socks]>=2.31"]


def test_a_bound_that_upstream_means_is_not_dropped() -> None:
    application = patched('drop-preemptive = ["numpy"]', preemptive=["rich"])
    assert application.after == UPSTREAM
    assert [drift.kind for drift in application.drift] == [DriftKind.NO_MATCH]
    assert "preemptive` does not name it" in application.drift[0].message


def test_preemptive_bounds_need_upstreams_declaration() -> None:
    with pytest.raises(UsageError, match="patch 1: `drop-preemptive` needs upstream's") as caught:
        patched("drop-preemptive = true")
    assert "--from" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("operations", "kind", "message"),
    [
        ('drop-upper = ["scipy"]', DriftKind.NO_MATCH,
         "`drop-upper scipy`: nothing in upstream's metadata matches"),
        ('drop-upper = ["importlib-resources"]', DriftKind.NOT_NEEDED,
         "`drop-upper importlib-resources`: upstream says so already: "
         "`Importlib_Resources; python_version<'3.9'`"),
        ('set-upper = ["numpy<2.3.0"]', DriftKind.NOT_NEEDED, "upstream says so already"),
        ('remove = ["scipy"]', DriftKind.NOT_NEEDED, "upstream has no such thing"),
        ('add = ["numpy>=1.22.4,<2.3"]', DriftKind.NOT_NEEDED, "upstream says so already"),
        ('add = ["numpy>=2"]', DriftKind.CHANGED_UPSTREAM,
         "upstream has `numpy <2.3,>=1.22.4` in the same place"),
        ('replace = { pandas = "numpy>=1.22.4,<2.3" }', DriftKind.NOT_NEEDED, "no such thing"),
        ('replace = { pandas = "polars" }', DriftKind.NO_MATCH, "nothing in upstream's"),
        ('move-to-extra = { pyqt5 = "plot" }', DriftKind.NO_MATCH, "nothing in upstream's"),
        ('move-to-extra = { pyqt5 = "gui" }', DriftKind.NOT_NEEDED, "says so already"),
        ('set-marker = { rich = "sys_platform == \'linux\'" }\nexpects = ["rich>=12"]',
         DriftKind.CHANGED_UPSTREAM, "requirements on `rich`: found"),
        ('set-upper = ["numpy<1"]', DriftKind.IMPOSSIBLE,
         "would become `numpy <1,>=1.22.4`, which no version satisfies"),
        ('set-upper = ["numpy<1"]\nset-marker = { numpy = "os_name == \'nt\'" }',
         DriftKind.IMPOSSIBLE, "which no version satisfies"),
        ('set-upper = ["pin<3"]', DriftKind.IMPOSSIBLE, "`pin===1.0` compares text with `===`"),
        ('set-upper = ["far<3"]', DriftKind.IMPOSSIBLE, "names an address, which has no bounds"),
        ('drop-upper = ["bad"]', DriftKind.IMPOSSIBLE, "cannot be read"),
        ('requires-python = { set = ">=3.8,<3.13" }', DriftKind.NOT_NEEDED, "`>=3.8,<3.13`"),
        ('requires-python = { set = ">=3.8", expects = ">=3.7" }', DriftKind.CHANGED_UPSTREAM,
         "`requires-python`: found `>=3.8,<3.13`, expected `>=3.7`"),
        ('license-expression = { set = "MIT" }', DriftKind.IMPOSSIBLE, "remove `license` as well"),
        ('extras = { set = ["gui"] }', DriftKind.NOT_NEEDED, "already: `gui`"),
        ('extras = { remove = ["web"] }', DriftKind.NOT_NEEDED, "no such thing"),
        ('entry-points = { remove = { g = ["a"] } }', DriftKind.NOT_NEEDED, "no such thing"),
        ('drop-upper = "numpy"\nuntil = 2026-11-20', DriftKind.EXPIRED,
         "was to last until 2026-11-20"),
        ('drop-upper = "numpy"\nuntil = ">=1.5"', DriftKind.EXPIRED,
         "was to last until `>=1.5`, and this is 1.5"),
    ],
)  # fmt: skip
def test_drift(operations: str, kind: DriftKind, message: str) -> None:
    application = patched(operations)
    (drift,) = application.drift
    assert drift.kind is kind
    assert message in drift.message
    assert drift.patch == 1
    assert drift.hint
    assert not application.holds
    assert patched(operations, accept_drift=True).holds
    assert patched(f"accept-drift = true\n{operations}").holds


@pytest.mark.parametrize(
    "operations",
    [
        'drop-upper = "numpy"\nuntil = 2026-11-21',
        'drop-upper = "numpy"\nuntil = ">=1.6"',
        'drop-upper = "numpy"\nexpects = ["numpy>=1.22.4,<2.3.0"]',
        'requires-python = { set = ">=3.8", expects = "<3.13, >=3.8" }',
    ],
)
def test_no_drift(operations: str) -> None:
    assert not patched(operations).drift


def test_a_patch_for_other_versions_is_named_and_no_drift() -> None:
    application = patched('versions = "<1"\ndrop-upper = ["numpy"]')
    assert (application.after, application.drift) == (UPSTREAM, ())
    assert application.left_out == (1,)


def test_a_ledger_without_a_patch_for_the_project_is_drift() -> None:
    other = replace(UPSTREAM, project=canonicalize_name("dmeo"))
    (drift,) = patched('drop-upper = ["numpy"]', other).drift
    assert (drift.patch, drift.kind) == (0, DriftKind.NO_MATCH)
    assert "no patch is for the project `dmeo`" in drift.message


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        ('drop-upper = ["numpy"]\nset-upper = ["numpy<3"]', "both change `numpy <2.3,>=1.22.4`"),
        ('remove = ["numpy"]\nset-lower = ["numpy>=2"]', "both change"),
        ('requires-python = { set = ">=3.9" }\n[[patch]]\nproject = "demo"\nreason = "x"\n'
         'requires-python = { set = ">=3.10" }', "change the same thing"),
        ('replace = { numpy = "cupy", requests = "numpy" }', "never come to rest"),
    ],
)  # fmt: skip
def test_operations_that_contradict_each_other(operations: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        patched(operations)


def test_a_licence_needs_a_metadata_version_that_has_it() -> None:
    old = replace(UPSTREAM, metadata_version=(2, 1), license=None)
    (drift,) = patched('license-expression = { set = "MIT" }', old).drift
    assert "metadata version 2.1 has no `License-Expression`; set `license`" in drift.message


def test_entry_points_that_cannot_be_read_are_left_alone() -> None:
    odd = replace(UPSTREAM, entry_points="demo = demo:main\n")
    application = patched('entry-points = { remove = { console_scripts = ["demo"] } }', odd)
    assert application.after == odd
    assert application.drift[0].kind is DriftKind.IMPOSSIBLE


def test_bounds_that_contradict_each_other_are_both_taken_back() -> None:
    application = patched('set-upper = ["numpy<3"]\nset-lower = ["numpy>=4"]', accept_drift=True)
    assert application.after == UPSTREAM
    assert [drift.kind for drift in application.drift] == [DriftKind.IMPOSSIBLE] * 2
