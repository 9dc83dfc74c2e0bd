"""Every rule on a release that breaks it, and on one that does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.releases import metadata_text, release, sdist, wheel
from trueup.judge.release import judge_release
from trueup.judge.rule import RuleSettings
from trueup.judge.rules import RULES
from trueup.model.declaration import Declaration
from trueup.model.errors import UsageError
from trueup.model.finding import Finding, Severity
from trueup.model.metadata import Unreadable, parse_metadata
from trueup.model.release import Release, ReleaseFile
from trueup.model.requirement import parse_requirement

LINUX = "cp312-cp312-manylinux_2_28_x86_64"
OLD_LINUX = "cp312-cp312-manylinux_2_17_x86_64"
WINDOWS = "cp312-cp312-win_amd64"
MAC = "cp312-cp312-macosx_11_0_arm64"
T0 = datetime(2026, 1, 1)
DECLARED = Declaration(wheels_require=(parse_requirement("openblas==0.3"),))


def with_reading(file: ReleaseFile, **changes: object) -> ReleaseFile:
    return replace(file, reading=replace(file.reading, **changes))  # type: ignore[arg-type]


def sidecar(*requires: str) -> object:
    return parse_metadata(metadata_text(requires=requires).encode())


# code → (severity, message, files or None for any, release)
BROKEN: Mapping[str, tuple[Severity, str, Release]] = {
    "unreadable-file": (
        Severity.ERROR,
        "the metadata of `demo-1.0-py3-none-any.whl` cannot be read: is no zip archive",
        release(wheel("py3-none-any", unreadable="is no zip archive")),
    ),
    "identity-mismatch": (
        Severity.ERROR,
        "`demo-1.0-py3-none-any.whl`: dist-info folder: found `demo-2.0.dist-info`, "
        "expected `demo-1.0.dist-info`",
        release(
            with_reading(
                wheel("py3-none-any"), dist_info="demo-2.0.dist-info", wheel_headers={"tag": ()}
            )
        ),
    ),
    "dependencies-differ": (
        Severity.ERROR,
        "the wheels do not ask for the same: `colorama`",
        release(wheel(WINDOWS, ["colorama"]), wheel(LINUX)),
    ),
    "requires-python-differs": (
        Severity.ERROR,
        "the wheels do not admit the same Pythons",
        release(wheel(WINDOWS, python=">=3.9"), wheel("cp38-cp38-win_amd64", python=">=3.8")),
    ),
    "extras-differ": (
        Severity.ERROR,
        "the wheels do not provide the same extras",
        release(wheel(WINDOWS, extras=["cuda"]), wheel(LINUX)),
    ),
    "import-names-differ": (
        Severity.ERROR,
        "the files do not have the same `Import-Name`",
        release(
            wheel(LINUX, metadata_version="2.5", headers=[("Import-Name", "demo")]),
            wheel(WINDOWS, metadata_version="2.5", headers=[("Import-Name", "demo_core")]),
        ),
    ),
    "sidecar-differs": (
        Severity.ERROR,
        "the sidecar of `demo-1.0-py3-none-any.whl` is not the file's own metadata",
        release(with_reading(wheel("py3-none-any", ["a"]), sidecar=sidecar("b"))),
    ),
    "declaration-not-met": (
        Severity.ERROR,
        "wheels are not the sdist plus exactly what `[tool.trueup.wheels]` declares",
        release(wheel(LINUX, ["openblas==0.3"]), wheel(MAC), sdist(declaration=DECLARED)),
    ),
    "declared-addition": (
        Severity.INFO,
        "uv, Poetry and PDM also lock what the wheels add for platforms that have only the sdist",
        release(wheel(LINUX, ["openblas==0.3"]), sdist(declaration=DECLARED)),
    ),
    "undeclared-difference": (
        Severity.WARNING,
        "`Requires-Dist` is static in `demo-1.0.tar.gz`, and wheels have something else",
        release(wheel(LINUX, ["openblas"]), sdist()),
    ),
    "append-only-difference": (
        Severity.WARNING,
        "`Requires-Dist` may only grow from `demo-1.0.tar.gz` to a wheel, and did not",
        release(
            wheel(LINUX, ["numpy>=2.1"]),
            sdist(["numpy>=2"], dynamic=["Requires-Dist"], metadata_version="2.6"),
        ),
    ),
    "shadowed-file": (
        Severity.WARNING,
        "`demo-1.0-py3-none-any.whl` is never chosen, and differs from those that are: "
        "installers prefer another file wherever it fits",
        release(wheel("py3-none-any", ["a"], build="1"), wheel("py3-none-any", ["b"])),
    ),
    "index-contradicts-file": (
        Severity.WARNING,
        "the index shows `requires-python` `<3.13`, the file says `<3.14`",
        release(wheel(LINUX, python="<3.14", page_python="<3.13")),
    ),
    "late-upload": (
        Severity.WARNING,
        "uploaded up to 40 days after the first file, with other metadata: `Classifier`",
        release(
            wheel(LINUX, uploaded=T0),
            wheel(
                WINDOWS,
                uploaded=T0 + timedelta(days=40),
                headers=[("Classifier", "Framework :: Flask")],
            ),
        ),
    ),
    "mixed-scope": (
        Severity.INFO,
        "the same public version is listed there as `1.0+cpu` as well; each is judged by itself",
        release(wheel(LINUX), siblings=["1.0+cpu"]),
    ),
    "project-status": (
        Severity.INFO,
        "the index says that the project is archived",
        replace(release(wheel(LINUX)), status="archived"),
    ),
    "written-differently": (
        Severity.INFO,
        "the wheels differ as written, and mean the same wherever one is chosen",
        release(
            wheel(WINDOWS, ['colorama; os_name == "nt"']),
            wheel(LINUX, ['colorama; sys_platform == "win32"']),
        ),
    ),
    "unused-dynamic": (
        Severity.INFO,
        "`demo-1.0.tar.gz` calls `Requires-Dist` dynamic, and no wheel differs in it",
        release(wheel(LINUX, ["a"]), sdist(["a"], dynamic=["Requires-Dist"])),
    ),
    "descriptive-fields-differ": (
        Severity.INFO,
        "the files differ in fields that do not decide what gets installed: `Classifier`",
        release(wheel(LINUX, headers=[("Classifier", "A")]), wheel(WINDOWS)),
    ),
    "wheel-variants": (
        Severity.INFO,
        "the release has wheel variants, judged among equal labels only: `cu128`",
        release(wheel(LINUX), wheel(LINUX, ["cuda"], label="cu128")),
    ),
}

SOUND = {
    "unreadable-file": release(wheel("py3-none-any"), sdist()),
    "identity-mismatch": release(
        with_reading(
            wheel("py3-none-any"),
            dist_info="Demo-1.0.0.dist-info",
            wheel_headers={"tag": ("py3-none-any",)},
        )
    ),
    "dependencies-differ": release(
        wheel(WINDOWS, ['colorama; os_name == "nt"']), wheel(LINUX, ['colorama; os_name == "nt"'])
    ),
    "requires-python-differs": release(
        wheel(WINDOWS, python=">=3.9"), wheel(LINUX, python=">=3.9.0")
    ),
    "extras-differ": release(wheel(WINDOWS, extras=["A_b"]), wheel(LINUX, extras=["a-b"])),
    "import-names-differ": release(
        wheel(LINUX, metadata_version="2.5", headers=[("Import-Name", "demo")]), wheel(WINDOWS)
    ),
    "sidecar-differs": release(with_reading(wheel("py3-none-any", ["a"]), sidecar=sidecar("a"))),
    "declaration-not-met": release(wheel(LINUX, ["openblas==0.3"]), sdist(declaration=DECLARED)),
    "declared-addition": release(
        wheel("py3-none-any", python=">=3.9"), sdist(declaration=DECLARED, python=">=3.9")
    ),
    "undeclared-difference": release(wheel(LINUX, ["numpy (>=1)"]), sdist(["numpy>=1"])),
    "append-only-difference": release(
        wheel(LINUX, ["a", "numpy>=2", "b"]),
        sdist(["numpy>=2"], dynamic=["Requires-Dist"], metadata_version="2.6"),
    ),
    "shadowed-file": release(wheel("py3-none-any", ["a"], build="1"), wheel("py3-none-any", ["a"])),
    "index-contradicts-file": release(wheel(LINUX, python=">=3.9", page_python=">= 3.9")),
    "late-upload": release(
        wheel(LINUX, uploaded=T0), wheel(WINDOWS, uploaded=T0 + timedelta(days=40))
    ),
    "mixed-scope": release(wheel(LINUX)),
    "project-status": replace(release(wheel(LINUX)), status="active"),
    "written-differently": release(wheel(LINUX, ["a", "b"]), wheel(WINDOWS, ["b", "a", "A"])),
    "unused-dynamic": release(wheel(LINUX, ["b"]), sdist(["a"], dynamic=["Requires-Dist"])),
    "descriptive-fields-differ": release(
        wheel(LINUX, headers=[("Author", "UNKNOWN")]), wheel(WINDOWS)
    ),
    "wheel-variants": release(wheel(LINUX)),
}


def findings(subject: Release, code: str) -> list[Finding]:
    return [item for item in judge_release(subject).findings if item.code == code]


@pytest.mark.parametrize("code", [rule.code for rule in RULES])
def test_a_rule_speaks_of_what_is_broken(code: str) -> None:
    severity, message, subject = BROKEN[code]
    (finding,) = findings(subject, code)
    assert (finding.severity, finding.message) == (severity, message)
    assert code in ("mixed-scope", "project-status") or finding.evidence


@pytest.mark.parametrize("code", [rule.code for rule in RULES])
def test_a_rule_is_silent_on_what_is_sound(code: str) -> None:
    assert findings(SOUND[code], code) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_has_a_page_with_before_and_after(rule: object) -> None:
    page = rule.page  # type: ignore[attr-defined]
    assert "**Before" in page
    assert "fter**" in page or "**Before and after**" in page


def test_codes_are_unique_and_the_tables_complete() -> None:
    codes = [rule.code for rule in RULES]
    assert len(set(codes)) == len(codes)
    assert set(codes) == set(BROKEN) == set(SOUND)


def test_irreconcilable_by_glibc_has_the_shape_of_the_style_guide() -> None:
    subject = release(wheel(LINUX, ["nccl", "numpy"]), wheel(OLD_LINUX, ["numpy"]))
    (finding,) = findings(subject, "dependencies-differ")
    assert finding.message == "no marker can tell these files apart"
    assert finding.where == "Linux x86_64, Python 3.12"
    assert [(item.files, item.says, item.where) for item in finding.evidence] == [
        (("demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",), ("nccl",), "glibc ≥ 2.28"),
        (
            ("demo-1.0-cp312-cp312-manylinux_2_17_x86_64.whl",),
            ("(nothing more)",),
            "glibc ≥ 2.17 and < 2.28",
        ),
    ]
    assert finding.hint == "uv, Poetry and PDM read one of them and lock it for both"


def test_a_conflict_shows_all_that_either_file_asks_for_alone() -> None:
    subject = release(
        wheel("py3-none-any", ["a", "c", "d>=1"]), wheel("py2.py3-none-any", ["b", "c"])
    )
    (finding,) = findings(subject, "dependencies-differ")
    assert finding.message == "no marker can tell these files apart, nor for 2 other differences"
    assert [item.says for item in finding.evidence] == [("a", "d>=1"), ("b",)]


def test_a_conflict_says_which_python_has_32_bits() -> None:
    old = "cp312-cp312-manylinux_2_17_i686"
    (finding,) = findings(
        release(wheel(OLD_LINUX, ["nccl"]), wheel(old)),
        "dependencies-differ",
    )
    assert [item.where for item in finding.evidence] == [
        "glibc ≥ 2.17",
        "32-bit Python, glibc ≥ 2.17",
    ]


def test_fields_in_which_the_same_files_stand_apart_are_one_row() -> None:
    headers = [("Summary", "s"), ("Author", "a"), ("License", "l")]
    files = [wheel(LINUX), wheel(MAC), wheel(WINDOWS, headers=headers[:2]), sdist(headers=headers)]
    (finding,) = findings(release(*files), "descriptive-fields-differ")
    assert [(item.files, item.says) for item in finding.evidence] == [
        (
            ("demo-1.0-cp312-cp312-macosx_11_0_arm64.whl", f"demo-1.0-{LINUX}.whl"),
            ("own `Author`", "own `Summary`"),
        ),
        (("demo-1.0.tar.gz",), ("own `License`",)),
    ]


def test_written_differently_names_the_field_and_what_each_says() -> None:
    cases: list[tuple[list[ReleaseFile], str | None, list[tuple[str, ...]]]] = [
        ([wheel(LINUX, python=">=3.9"), wheel(WINDOWS)], "Requires-Python", [("Requires-Python: >=3.9",), ()]),
        ([wheel(LINUX, ["a>=1,<2"]), wheel(WINDOWS, ['a<2,>=1; python_version > "3"'])], "Requires-Dist",
         [("a<2,>=1",), ('a<2,>=1; python_version > "3"',)]),
        ([wheel(LINUX, ["a"], python=">=3.9"), wheel(WINDOWS, ['a; python_version > "3"'])], None,
         [("a", "Requires-Python: >=3.9"), ('a; python_version > "3"',)]),
    ]  # fmt: skip
    for files, field, says in cases:
        (finding,) = findings(release(*files), "written-differently")
        assert finding.field == field
        assert sorted(item.says for item in finding.evidence) == sorted(says)


def test_settings_select_ignore_and_regrade() -> None:
    subject = BROKEN["dependencies-differ"][2]
    code = "dependencies-differ"
    assert judge_release(subject, settings=RuleSettings(ignore=frozenset({code}))).findings == ()
    other = RuleSettings(select=frozenset({"late-upload"}))
    assert judge_release(subject, settings=other).findings == ()
    graded = judge_release(subject, settings=RuleSettings(severity={code: Severity.INFO}))
    assert [item.severity for item in graded.findings] == [Severity.INFO]
    with pytest.raises(UsageError, match="no rule has the code `late`"):
        RuleSettings(select=frozenset({"late"})).check_codes(rule.code for rule in RULES)


def test_an_unread_pyproject_is_said() -> None:
    subject = release(sdist(declaration=Unreadable(reason="is not valid TOML")))
    (finding,) = findings(subject, "unreadable-file")
    assert finding.message == (
        "the `pyproject.toml` of `demo-1.0.tar.gz` cannot be read: is not valid TOML"
    )


def test_tags_of_all_files_are_one_finding() -> None:
    files = [
        with_reading(wheel(LINUX), wheel_headers={"tag": ("cp312-cp312-linux_x86_64",)}),
        with_reading(wheel(WINDOWS), wheel_headers={"tag": ("no tag",)}),
        with_reading(wheel(MAC), wheel_headers={"tag": (MAC,)}),
    ]
    (finding,) = findings(release(*files), "identity-mismatch")
    assert finding.message == "the tags in `WHEEL` are not those of the file name in 2 files"
    assert findings(release(*files[::-1]), "identity-mismatch") == [finding]
    assert finding.hint == "name the file as its `WHEEL` says, then change both with `wheel tags`"
    assert finding.evidence[0].says == (
        "+ cp312-cp312-linux_x86_64",
        "- cp312-cp312-manylinux_2_28_x86_64",
    )


def test_a_wheel_without_a_wheel_file() -> None:
    (finding,) = findings(
        release(with_reading(wheel(LINUX), dist_info="demo-1.0.dist-info")), "identity-mismatch"
    )
    assert finding.message == (
        "`demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl`: WHEEL: found no such file that can be "
        "read, expected one in the dist-info folder"
    )


def test_an_unread_sdist_weighs_less() -> None:
    broken = wheel(LINUX)
    unread = with_reading(sdist(), metadata=Unreadable(reason="is empty"))
    (finding,) = findings(release(broken, unread), "unreadable-file")
    assert finding.severity is Severity.WARNING


def test_files_that_fail_alike_are_one_finding() -> None:
    files = [wheel(LINUX, ["a>=1.*", "b>=1.*"]), wheel(WINDOWS, ["a>=1.*", "b>=1.*"])]
    (finding,) = findings(release(*files), "unreadable-file")
    assert finding.message.startswith(
        "the resolution fields of 2 files cannot be read: `Requires-Dist: a>=1.*`: "
    )
    assert finding.message.endswith(" (and 1 more)")
    assert len(finding.files) == 2


def test_a_folder_with_another_version_is_said() -> None:
    (finding,) = findings(release(wheel(LINUX), siblings=["0.9"]), "mixed-scope")
    assert finding.severity is Severity.WARNING
    assert finding.message == (
        "`https://index.test/simple/demo/` holds `0.9` as well; an upload would publish both"
    )


def test_fields_limit_the_class() -> None:
    subject = BROKEN["dependencies-differ"][2]
    report = judge_release(subject, fields=frozenset({"requires-python"}))
    assert (report.class_words, report.findings, report.witnesses) == ("identical", (), ())
    assert judge_release(subject, fields=frozenset({"requires-dist"})).class_words == "mergeable"
