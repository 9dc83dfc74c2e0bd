"""`import trueup`: what a resolver author gets from one call."""

from __future__ import annotations

import subprocess
import sys

import pytest

import trueup
from tests import corpus

HEADERS = "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n"


def test_every_public_name_is_there() -> None:
    for name in trueup.__all__:
        assert getattr(trueup, name) is not None
    assert set(trueup.__all__) <= set(dir(trueup))
    with pytest.raises(AttributeError, match="has no attribute `chek`"):
        trueup.chek  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(
    ("name", "release_class", "advice"),
    [
        ("flask-3.1.3", trueup.ReleaseClass.IDENTICAL, trueup.Advice.READ_ONE),
        ("nmslib-2.1.1", trueup.ReleaseClass.MERGEABLE, None),
        ("xgboost-3.0.5", trueup.ReleaseClass.IRRECONCILABLE, None),
    ],
)
def test_one_call_on_parsed_values(
    name: str, release_class: trueup.ReleaseClass, advice: trueup.Advice | None
) -> None:
    release = corpus.release(name)
    assert trueup.classify(release) is release_class
    if advice is not None:
        assert trueup.advice(release) is advice
    else:
        assert trueup.advice(release) is not trueup.Advice.READ_ONE


def test_targets_are_text_or_values() -> None:
    release = corpus.release("xgboost-3.0.5")
    windows = trueup.parse_targets("cp312-windows-amd64")
    for targets in ("cp312-windows-amd64", ["cp312-windows-amd64"], windows):
        assert trueup.classify(release, targets=targets) is trueup.ReleaseClass.IDENTICAL


def test_a_release_of_metadata_that_the_caller_has() -> None:
    linux, windows = (
        "demo-1.0-py3-none-manylinux_2_28_x86_64.whl",
        "demo-1.0-py3-none-win_amd64.whl",
    )
    plain = HEADERS.encode()
    more = (HEADERS + "Requires-Dist: colorama\n").encode()
    assert trueup.advice(trueup.release_of({linux: plain, windows: plain})) is (
        trueup.Advice.READ_ONE
    )
    differing = trueup.release_of({linux: plain, windows: more})
    assert trueup.classify(differing) is trueup.ReleaseClass.MERGEABLE
    assert trueup.advice(differing) is trueup.Advice.PER_TARGET
    unread = trueup.release_of({linux: HEADERS, windows: None})
    assert trueup.advice(unread) is trueup.Advice.UNKNOWN
    assert isinstance(unread.files[1].reading.metadata, trueup.Unreadable)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "these are not the files of one release: found no files"),
        (
            ["a-1.0-py3-none-any.whl", "a-1.1.tar.gz"],
            "these are not the files of one release: found `a 1.0`, `a 1.1`",
        ),
        (["a-1.0.egg"], "`a-1.0.egg`: eggs are no longer installed by any installer"),
    ],
)
def test_a_release_of_other_files_is_refused(names: list[str], message: str) -> None:
    with pytest.raises(trueup.UsageError) as caught:
        trueup.release_of(dict.fromkeys(names, HEADERS))
    assert str(caught.value) == message


def test_judging_parsed_values_needs_no_network_library() -> None:
    code = (
        "import sys, trueup\n"
        "files = {'demo-1.0-py3-none-any.whl': 'Metadata-Version: 2.1\\nName: demo\\n'}\n"
        "print(trueup.advice(trueup.release_of(files)).value)\n"
        "print(sorted({'httpx2', 'click', 'rich', 'sqlite3', 'pip', 'ssl'} & set(sys.modules)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "read one\n[]\n"
