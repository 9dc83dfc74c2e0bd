"""The matrix and the difference beside a public release, made from judged releases."""

from __future__ import annotations

from tests.releases import release, sdist, wheel
from trueup.interfaces.web.difference import Difference, difference
from trueup.interfaces.web.matrix import matrix
from trueup.judge.release import judge_release
from trueup.model.finding import ReleaseReport

LINUX, WINDOWS, MAC = (
    f"cp312-cp312-{tag}" for tag in ("manylinux_2_17_x86_64", "win_amd64", "macosx_11_0_arm64")
)


def judged(*asks: tuple[str, list[str]]) -> ReleaseReport:
    return judge_release(release(*(wheel(tag, needs) for tag, needs in asks)))


def test_the_commonest_variant_is_a_and_quiet_the_others_stand_out() -> None:
    found = matrix(judged((LINUX, ["one"]), (WINDOWS, ["one", "two"]), (MAC, ["one"])))
    [field] = found.fields
    assert field.name == "Requires-Dist"
    assert [(one.letter, one.hue, one.is_odd) for one in field.variants] == [
        ("A", "h0", False), ("B", "h1", True),
    ]  # fmt: skip
    assert [(one.own, one.shared) for one in field.variants] == [((), 1), (("two",), 1)]
    letters = {row.rest: row.cells[0].letter for row in found.rows if row.cells[0]}
    assert letters == {f"{LINUX}.whl": "A", f"{MAC}.whl": "A", f"{WINDOWS}.whl": "B"}
    assert "Requires-Python" in found.agree


def test_where_all_agree_there_are_rows_and_no_columns() -> None:
    found = matrix(judged((LINUX, ["one"]), (WINDOWS, ["one"])))
    assert found.fields == ()
    assert [row.cells for row in found.rows] == [(), ()]


def test_a_file_that_cannot_be_read_has_empty_cells() -> None:
    files = (wheel(LINUX, ["one"]), wheel(WINDOWS, ["two"]), wheel(MAC, unreadable="is damaged"))
    found = matrix(judge_release(release(*files)))
    [unread] = [row for row in found.rows if row.file.reason]
    assert set(unread.cells) == {None}


def test_hues_and_letters_go_on_where_there_are_many_variants() -> None:
    tags = [f"cp3{number}-cp3{number}-win_amd64" for number in range(10, 40)]
    found = matrix(judged(*((tag, [f"p{number}"]) for number, tag in enumerate(tags))))
    variants = found.fields[0].variants
    assert [one.letter for one in variants][24:28] == ["Y", "Z", "AA", "AB"]
    assert {one.hue for one in variants} == {f"h{number}" for number in range(8)}
    assert len({one.id for one in variants}) == 30


def test_a_local_build_beside_the_public_one() -> None:
    local = judge_release(release(wheel(LINUX, ["one", "mpi4py"], python=">=3.10")))
    public = judge_release(release(wheel(LINUX, ["one"]), sdist(["one"])))
    assert difference(local, public) == (
        Difference(name="Requires-Dist", here=("mpi4py",), public=()),
        Difference(name="Requires-Python", here=(">=3.10",), public=()),
    )
    assert difference(local, local) == ()
