"""124 recorded releases: classes, witnesses and verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests import corpus
from trueup.judge.reconcile import classify
from trueup.judge.release import judge_release
from trueup.model.finding import Advice, Case, ReleaseClass, ReleaseReport
from trueup.model.metadata import Metadata

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "corpus.md"

EXPLAINED = {
    "apache-beam-2.77.0": ReleaseClass.IRRECONCILABLE,
    "ifcopenshell-0.8.3.post1": ReleaseClass.IDENTICAL,
    "scikit-learn-1.4.0": ReleaseClass.IDENTICAL,
}
"""Where the class is not what the labels lead to expect; the document gives the witness."""


def expected(name: str) -> tuple[ReleaseClass, ...]:
    label = corpus.labels()[name]
    if name in EXPLAINED:
        return (EXPLAINED[name],)
    if label["kind"] == "not-expressible":
        return (ReleaseClass.IRRECONCILABLE,)
    if label["kind"] == "expressible":
        return (ReleaseClass.MERGEABLE,)
    return (ReleaseClass.IDENTICAL, ReleaseClass.UNIFORM)


@pytest.mark.parametrize("name", corpus.NAMES)
def test_class_agrees_with_the_label_or_is_explained(name: str) -> None:
    found = max(
        (item.release_class for item in classify(corpus.release(name))), key=lambda item: item.rank
    )
    assert found in expected(name)


def test_there_are_124_and_the_document_explains_the_differences() -> None:
    assert len(corpus.NAMES) == 124
    text = DOCUMENT.read_text("utf-8")
    for name in EXPLAINED:
        project, _, version = name.rpartition("-")
        assert f"{project} {version}" in text


def judged(name: str) -> ReleaseReport:
    return judge_release(corpus.release(name), suggest=True)


INSTRUCTIVE = [
    # (release, class in words, a line of the merged list, environment of the first witness)
    ("nmslib-2.1.1", "mergeable", 'numpy>=1.10.0; python_version >= "3.5"', {}),
    (
        "torch-1.13.1",
        "mergeable",
        "nvidia-cublas-cu11==11.10.3.66; "
        'platform_system == "Linux" and platform_machine == "x86_64"',
        {},
    ),
    (
        "tensorflow-2.16.1",
        "mergeable",
        None,
        {},
    ),
    (
        "xgboost-3.0.5",
        "irreconcilable",
        None,
        {"sys_platform": "linux", "platform_machine": "x86_64"},
    ),
    ("scikit-learn-1.4.0", "identical", None, None),
    (
        "apache-beam-2.77.0",
        "irreconcilable (only 32-bit Python on Windows AMD64, 32-bit or emulated Python on Windows ARM64)",
        'pyarrow<26.0.0,>=14.0.1; sys_platform != "win32" or platform_machine == "AMD64"',
        {"sys_platform": "win32", "platform_machine": "AMD64"},
    ),
    (
        "mxnet-1.6.0",
        "irreconcilable (only 32-bit Python on Windows AMD64, 32-bit or emulated Python on Windows ARM64)",
        'numpy<1.17.0,>=1.8.2; platform_system == "Windows" and platform_machine == "AMD64"',
        {"sys_platform": "win32", "platform_machine": "AMD64"},
    ),
    ("OpenMM-8.4.0rc1", "mergeable", None, {}),
    ("ifcopenshell-0.8.3.post1", "identical", None, None),
    ("ray-2.3.0", "mergeable", 'numpy>=1.19.3; python_version >= "3.9"', {}),
    ("onnxruntime-1.16.3", "mergeable", None, {}),
    (
        "rdkit-2024.3.2",
        "mergeable",
        'numpy<2.0; sys_platform != "linux" and platform_machine != "arm64"',
        {},
    ),
    ("open3d-0.18.0", "mergeable", None, {}),
]


@pytest.mark.parametrize(("name", "words", "line", "environment"), INSTRUCTIVE)
def test_instructive_cases(
    name: str, words: str, line: str | None, environment: dict[str, str] | None
) -> None:
    report = judged(name)
    assert report.class_words == words
    if line is not None:
        assert report.merged is not None
        assert line in report.merged.requires_dist
    if environment is None:
        assert report.witnesses == ()
    else:
        assert environment.items() <= dict(report.witnesses[0].environment).items()


@pytest.mark.parametrize("name", corpus.NAMES)
def test_every_witness_shows_its_difference_to_packaging_alone(name: str) -> None:
    release = corpus.release(name)
    requires = {
        file.filename: [Requirement(text) for text in metadata.fields.get("requires-dist", ())]
        for file in release.wheels
        if isinstance(metadata := file.reading.metadata, Metadata)
    }
    for witness in judge_release(release).witnesses:
        if witness.field != "Requires-Dist":
            continue
        values = dict(witness.environment) | {"extra": witness.extra or ""}
        live = [
            {
                (str(line.specifier), line.url, frozenset(line.extras))
                for line in requires[filename]
                if line.name.lower().replace("_", "-").replace(".", "-") == witness.project
                and (line.marker is None or line.marker.evaluate(values))
            }
            for filename in witness.files
        ]
        assert live[0] != live[1]


def test_xgboost_witness_is_the_glibc_level() -> None:
    (witness,) = judged("xgboost-3.0.5").witnesses
    assert witness.tag_parts == ("glibc ≥ 2.28", "glibc ≥ 2.17 and < 2.28")
    assert witness.files == (
        "xgboost-3.0.5-py3-none-manylinux_2_28_x86_64.whl",
        "xgboost-3.0.5-py3-none-manylinux2014_x86_64.whl",
    )
    assert witness.values == (("nvidia-nccl-cu12",), ())


def test_scikit_learn_originals_are_shadowed_by_build_tags() -> None:
    report = judged("scikit-learn-1.4.0")
    finding = next(item for item in report.findings if item.code == "shadowed-file")
    assert all("-1.4.0-cp" in name for name in finding.files)
    assert all("-1.4.0-1-cp" in file.filename for file in report.files if file.status == "chosen")


def test_ifcopenshell_wheels_are_hidden_by_the_page() -> None:
    codes = {item.code for item in judged("ifcopenshell-0.8.3.post1").findings}
    assert {"shadowed-file", "index-contradicts-file"} <= codes


def test_triton_files_hold_another_version() -> None:
    report = judged("triton-0.4.0")
    versions = [item for item in report.findings if item.code == "identity-mismatch"]
    assert [item.field for item in versions] == ["Version"]
    assert "found `0.4.0`" in versions[0].message or "found `0.4.1`" in versions[0].message


VERDICTS = [
    ("flask-3.1.3", Advice.READ_ONE, Case.STATIC),
    ("numpy-2.5.5", Advice.READ_ONE, Case.STATIC),
    ("numpy-1.16.0", Advice.UNKNOWN, Case.LEGACY),
    ("xgboost-3.0.5", Advice.PER_TARGET, Case.STATIC),
    ("apache-beam-2.77.0", Advice.UNKNOWN, Case.DYNAMIC),
    ("torch-1.13.1", Advice.PER_TARGET, Case.LEGACY),
    ("PySide6-6.11.3", Advice.READ_ONE, Case.NO_SDIST),
]


@pytest.mark.parametrize(("name", "advice", "case"), VERDICTS)
def test_verdict_and_case(name: str, advice: Advice, case: Case) -> None:
    report = judged(name)
    assert report.advice is advice
    assert report.fields[0].field == "Requires-Dist"
    assert report.fields[0].case is case


@pytest.mark.parametrize("name", corpus.NAMES)
def test_every_merge_is_offered_or_refused_with_a_reason(name: str) -> None:
    report = judged(name)
    if report.release_class in (
        ReleaseClass.IDENTICAL,
        ReleaseClass.UNIFORM,
        ReleaseClass.MERGEABLE,
    ):
        assert report.merged is not None
        assert report.merged.residue is None
    else:
        assert report.merged is not None or report.class_reason
