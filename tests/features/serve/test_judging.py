"""Which findings keep a release from being accepted, policy by policy."""

from __future__ import annotations

import pytest

from tests.releases import release, sdist, wheel
from trueup.features.serve.judging import contradictions
from trueup.features.serve.policies import ProjectPolicy
from trueup.judge.release import judge_release
from trueup.judge.rule import RuleSettings
from trueup.model.finding import ReleaseClass, ReleaseReport, Severity
from trueup.model.release import ReleaseFile

LINUX, OLD = "py3-none-manylinux_2_28_x86_64", "py3-none-manylinux_2_17_x86_64"
WINDOWS = "py3-none-win_amd64"

AGREE = (wheel(LINUX, ["one"]), wheel(WINDOWS, ["one"]))
MERGEABLE = (wheel(LINUX, ["one"]), wheel(WINDOWS, ["one", "two"]))
IRRECONCILABLE = (wheel(LINUX, ["one"]), wheel(OLD, ["one", "two"]))
UNDECLARED = (sdist(["one"]), wheel(LINUX, ["one", "two"]), wheel(WINDOWS, ["one", "two"]))
ENDLESS = (
    wheel(LINUX, [f'one; platform_version in "{" ".join(f"a{n}" for n in range(26))}"']),
    wheel(WINDOWS, ["one", *(f'p{n}; platform_release == "{n}"' for n in range(4000))]),
    wheel("py3-none-macosx_11_0_arm64", [f'q{n}; platform_version == "{n}"' for n in range(4000)]),
)

DEFAULT = ProjectPolicy()
LENIENT = ProjectPolicy(classes=frozenset({ReleaseClass.IRRECONCILABLE}))
ANY_CLASS = ProjectPolicy(classes=frozenset())
STRICT = ProjectPolicy(fail_on=Severity.WARNING)
NEVER = ProjectPolicy(fail_on=None)
IGNORING = ProjectPolicy(rules=RuleSettings(ignore=frozenset({"dependencies-differ"})))
GRADED = ProjectPolicy(rules=RuleSettings(severity={"undeclared-difference": Severity.ERROR}))


def report(files: tuple[ReleaseFile, ...], policy: ProjectPolicy) -> ReleaseReport:
    return judge_release(release(*files), settings=policy.rules)


@pytest.mark.parametrize(
    ("files", "policy", "codes"),
    [
        (AGREE, STRICT, []),
        (MERGEABLE, DEFAULT, ["dependencies-differ"]),
        (MERGEABLE, LENIENT, []),
        (MERGEABLE, ANY_CLASS, []),
        (MERGEABLE, NEVER, []),
        (MERGEABLE, IGNORING, []),
        (IRRECONCILABLE, DEFAULT, ["dependencies-differ"]),
        (IRRECONCILABLE, LENIENT, ["dependencies-differ"]),
        (IRRECONCILABLE, ANY_CLASS, []),
        (UNDECLARED, DEFAULT, []),
        (UNDECLARED, STRICT, ["undeclared-difference"]),
        (UNDECLARED, GRADED, ["undeclared-difference"]),
    ],
)
def test_what_counts(
    files: tuple[ReleaseFile, ...], policy: ProjectPolicy, codes: list[str]
) -> None:
    assert [one.code for one in contradictions(report(files, policy), policy)] == codes


def test_what_cannot_be_compared_is_not_accepted() -> None:
    found = report(ENDLESS, DEFAULT)
    assert found.release_class is ReleaseClass.UNKNOWN
    refused = contradictions(found, DEFAULT)
    assert "the files cannot be compared" in refused[-1].message
    assert set(refused[-1].files) == {file.filename for file in ENDLESS}
    assert contradictions(found, LENIENT) == []
