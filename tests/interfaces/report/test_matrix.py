"""The matrix of pages, made from judged releases."""

from __future__ import annotations

from tests.releases import release, sdist, wheel
from trueup.interfaces.report.matrix import Matrix, matrix
from trueup.judge.release import judge_release
from trueup.model.finding import ReleaseReport

LINUX, WINDOWS, MAC = (
    f"cp312-cp312-{tag}" for tag in ("manylinux_2_17_x86_64", "win_amd64", "macosx_11_0_arm64")
)


def matrix_of(*asks: tuple[str, list[str]]) -> Matrix:
    return matrix(judged(*asks), "m")


def judged(*asks: tuple[str, list[str]]) -> ReleaseReport:
    return judge_release(release(*(wheel(tag, needs) for tag, needs in asks)))


def test_the_commonest_variant_is_a_and_quiet_the_others_stand_out() -> None:
    found = matrix_of((LINUX, ["one"]), (WINDOWS, ["one", "two"]), (MAC, ["one"]))
    [field] = found.differing.fields
    assert field.name == "Requires-Dist"
    assert [(one.letter, one.hue, one.odd) for one in field.variants] == [
        ("A", "h0", False), ("B", "h1", True),
    ]  # fmt: skip
    assert [one.lines for one in field.variants] == [
        (("one", True),), (("one", True), ("two", False)),
    ]  # fmt: skip
    letters = {row.rest: row.cells[0].letter for row in found.rows if row.cells[0]}
    assert letters == {f"{LINUX}.whl": "A", f"{MAC}.whl": "A", f"{WINDOWS}.whl": "B"}
    assert "Requires-Python" in found.agree


def test_what_the_sdist_alone_lacks_is_shown_of_the_wheels() -> None:
    files = (wheel(LINUX, ["one", "two"]), wheel(WINDOWS, ["one", "two"]), sdist(["one"]))
    [field] = matrix(judge_release(release(*files)), "m").differing.fields
    assert [one.lines for one in field.variants] == [
        (("one", True), ("two", False)), (("one", True),),
    ]  # fmt: skip


def test_where_all_agree_there_are_rows_and_no_columns() -> None:
    found = matrix_of((LINUX, ["one"]), (WINDOWS, ["one"])).differing
    assert found.fields == ()
    assert [row.cells for row in found.rows] == [(), ()]


def test_a_file_that_cannot_be_read_has_empty_cells() -> None:
    files = (wheel(LINUX, ["one"]), wheel(WINDOWS, ["two"]), wheel(MAC, unreadable="is damaged"))
    found = matrix(judge_release(release(*files)), "m")
    [unread] = [row for row in found.rows if row.file.reason]
    assert set(unread.cells) == {None}


def test_hues_and_letters_go_on_where_there_are_many_variants() -> None:
    tags = [f"cp3{number}-cp3{number}-win_amd64" for number in range(10, 64)]
    found = matrix_of(*((tag, [f"p{number}"]) for number, tag in enumerate(tags)))
    variants = found.fields[0].variants
    assert [one.letter for one in variants][24:28] == ["Y", "Z", "AA", "AB"]
    assert [one.letter for one in variants][51:53] == ["AZ", "BA"]
    assert {one.hue for one in variants} == {f"h{number}" for number in range(8)}
    assert len({one.id for one in variants}) == 54
