"""The relation between an sdist and a wheel, field by field (PEP 643, PEP 808)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.releases import sdist, wheel
from trueup.judge.promise import case_of, is_subsequence, relation
from trueup.model.finding import Case

CASES: list[tuple[str, str, Sequence[str], Sequence[str], Sequence[str], Case, bool | None]] = [
    # metadata version, field, Dynamic, sdist, wheel, case, kept
    ("2.1", "requires-dist", [], ["a"], ["b"], Case.LEGACY, None),
    ("2.2", "requires-dist", [], ["a"], ["a"], Case.STATIC, True),
    ("2.2", "requires-dist", [], ["a"], ["A ;"[:1]], Case.STATIC, True),
    ("2.2", "requires-dist", [], [], ["a"], Case.STATIC, False),
    ("2.2", "requires-dist", [], ["a"], [], Case.STATIC, False),
    (
        "2.2",
        "requires-dist",
        [],
        ['a; os_name == "nt"'],
        ['a; sys_platform == "win32"'],
        Case.STATIC,
        True,
    ),
    ("2.2", "requires-dist", ["Requires-Dist"], ["a"], ["b"], Case.DYNAMIC, None),
    ("2.5", "requires-dist", ["requires-dist"], ["a"], ["b"], Case.DYNAMIC, None),
    ("2.6", "requires-dist", ["Requires-Dist"], ["a"], ["b"], Case.APPEND_ONLY, False),
    ("2.6", "requires-dist", ["Requires-Dist"], ["a"], ["b", "a", "c"], Case.APPEND_ONLY, True),
    ("2.6", "requires-dist", ["Requires-Dist"], ["a", "b"], ["b", "a"], Case.APPEND_ONLY, False),
    ("2.6", "requires-dist", ["Requires-Dist"], ["a>=1"], ["a (>=1)"], Case.APPEND_ONLY, True),
    ("2.6", "requires-dist", ["Requires-Dist"], ["a>=1"], ["a>=2"], Case.APPEND_ONLY, False),
    ("2.6", "requires-dist", [], ["a"], ["a", "b"], Case.STATIC, False),
]


@pytest.mark.parametrize(("version", "field", "dynamic", "before", "after", "case", "kept"), CASES)
def test_requires_dist(
    version: str,
    field: str,
    dynamic: Sequence[str],
    before: Sequence[str],
    after: Sequence[str],
    case: Case,
    kept: bool | None,
) -> None:
    found = relation(
        sdist(before, dynamic=dynamic, metadata_version=version),
        wheel("py3-none-any", after),
        field,
    )
    assert (found.case, found.kept) == (case, kept)


def test_requires_python_compares_as_a_range() -> None:
    for before, after, kept in [
        (">=3.9", ">= 3.9.0", True),
        (">=3.9", ">=3.10", False),
        (None, ">=3.10", False),
        (None, None, True),
    ]:
        found = relation(
            sdist(python=before), wheel("py3-none-any", python=after), "requires-python"
        )
        assert found.kept is kept


@pytest.mark.parametrize(("before", "after", "kept"), [
    ([("Summary", "a  b")], [("Summary", "a b")], True),
    ([("Author", "UNKNOWN")], [], True),
    ([("Classifier", "A"), ("Classifier", "B")], [("Classifier", "B"), ("Classifier", "A")], True),
    ([("Keywords", "a, b")], [("Keywords", "b,a")], True),
    ([("Classifier", "A")], [("Classifier", "B")], False),
])  # fmt: skip
def test_other_fields_compare_by_meaning(
    before: list[tuple[str, str]], after: list[tuple[str, str]], kept: bool
) -> None:
    field = (before or after)[0][0].lower()
    found = relation(sdist(headers=before), wheel("py3-none-any", headers=after), field)
    assert found.kept is kept


def test_comma_lists_follow_the_multiple_use_rule() -> None:
    grown = relation(
        sdist(headers=[("Keywords", "a,c")], dynamic=["Keywords"], metadata_version="2.6"),
        wheel("py3-none-any", headers=[("Keywords", "a, b, c")]),
        "keywords",
    )
    assert (grown.case, grown.kept) == (Case.APPEND_ONLY, True)
    shrunk = relation(
        sdist(headers=[("Keywords", "a,c")], dynamic=["Keywords"], metadata_version="2.6"),
        wheel("py3-none-any", headers=[("Keywords", "c")]),
        "keywords",
    )
    assert shrunk.kept is False


def test_single_use_dynamic_fields_promise_nothing_even_in_2_6() -> None:
    found = relation(
        sdist(python=">=3.9", dynamic=["Requires-Python"], metadata_version="2.6"),
        wheel("py3-none-any", python=">=3.10"),
        "requires-python",
    )
    assert (found.case, found.kept) == (Case.DYNAMIC, None)


def test_a_field_that_the_sdist_is_too_old_for_is_not_compared() -> None:
    new = wheel("py3-none-any", metadata_version="2.5", headers=[("Import-Name", "demo")])
    for version, kept in (("2.4", None), ("2.5", False)):
        assert relation(sdist(metadata_version=version), new, "import-name").kept is kept


def test_case_of_a_release() -> None:
    new, old = wheel("py3-none-any"), wheel("py3-none-any", metadata_version="2.1")
    assert case_of([], [new], "requires-dist") is Case.NO_SDIST
    assert case_of([], [new, old], "requires-dist") is Case.LEGACY
    assert case_of([sdist()], [old], "requires-dist") is Case.STATIC
    # Several sdists: the weakest promise counts.
    weak = sdist(dynamic=["Requires-Dist"])
    assert case_of([sdist(), weak], [new], "requires-dist") is Case.DYNAMIC


@pytest.mark.parametrize(("static", "full", "kept"), [
    ([], [], True),
    ([], ["a"], True),
    (["a"], [], False),
    (["a", "b"], ["a", "x", "b"], True),
    (["a", "b"], ["b", "a"], False),
    (["a", "a"], ["a"], False),
])  # fmt: skip
def test_ordered_subsequence(static: list[str], full: list[str], kept: bool) -> None:
    assert is_subsequence(static, full) is kept
