"""The verdict on each field, from runs that are written down here."""

from __future__ import annotations

from collections.abc import Iterable

from tests.build import metadata_text
from trueup.judge.proof import compare_published, judge_fields, may_add, unsettled
from trueup.model.artifact import Artifact, parse_filename
from trueup.model.declaration import Declaration
from trueup.model.finding import Case
from trueup.model.metadata import Metadata, Unreadable, parse_metadata
from trueup.model.proof import Beginning, Condition, FieldProof, Run, Standing
from trueup.model.release import How, Reading, ReleaseFile
from trueup.model.requirement import parse_requirement

BASELINE = Condition(name="baseline")
AGAIN = Condition(name="again")
SEED = Condition(name="hash-seed", value="1")
CLOCK = Condition(name="clock", value="400 days later", simulated=True)
PYTHON = Condition(name="python", value="3.12")


def metadata(
    requires: Iterable[str] = (),
    *,
    dynamic: Iterable[str] = (),
    metadata_version: str = "2.4",
    headers: Iterable[tuple[str, str]] = (),
    requires_python: str | None = None,
) -> Metadata:
    text = metadata_text(
        "demo",
        "1.0",
        requires=requires,
        requires_python=requires_python,
        headers=[*headers, *(("Dynamic", field) for field in dynamic)],
        metadata_version=metadata_version,
    )
    parsed = parse_metadata(text.encode())
    assert isinstance(parsed, Metadata)
    return parsed


def run(condition: Condition, *requires: str, **more: str) -> Run:
    return Run(
        condition=condition,
        metadata=metadata(requires, headers=list(more.items())),
        python="3.11.7",
    )


def beginning(pkg_info: Metadata | Unreadable) -> Beginning:
    return Beginning(
        project="demo", version="1.0", filename="demo-1.0.tar.gz", sha256=None, pkg_info=pkg_info
    )


def judge(
    pkg_info: Metadata | Unreadable, *runs: Run, declaration: Declaration | None = None
) -> dict[str, FieldProof]:
    return {field.field: field for field in judge_fields(beginning(pkg_info), runs, declaration)}


def declared(*may_add: str) -> Declaration:
    return Declaration(may_add=tuple(parse_requirement(text) for text in may_add))


def test_honest() -> None:
    found = judge(metadata(["a"]), run(BASELINE, "a"), run(AGAIN, "a"), run(CLOCK, "a"))
    assert {field.standing for field in found.values()} == {Standing.REPRODUCIBLE}
    assert list(found) == ["requires-dist", "name", "version"]


def test_spelling_and_order_are_no_difference() -> None:
    found = judge(metadata(["a>=1", "b"]), run(BASELINE, "a>=1", "b"), run(SEED, "B", "a (>=1)"))
    assert found["requires-dist"].standing is Standing.REPRODUCIBLE
    assert found["requires-dist"].respelled == ("hash-seed 1",)


def test_other_markers_with_the_same_meaning_are_no_difference() -> None:
    found = judge(
        metadata(["a"]),
        run(BASELINE, "a"),
        run(SEED, 'a; sys_platform == "win32"', 'a; sys_platform != "win32"'),
    )
    assert found["requires-dist"].standing is Standing.REPRODUCIBLE


def test_it_varies_with_what_was_changed() -> None:
    dynamic = metadata(dynamic=["Requires-Dist"])
    found = judge(dynamic, run(BASELINE, "a"), run(AGAIN, "a"), run(PYTHON, "b"), run(SEED, "a"))
    field = found["requires-dist"]
    assert (field.standing, field.case) == (Standing.VARIES, Case.DYNAMIC)
    (cause,) = field.causes
    assert (cause.name, cause.simulated) == ("python", False)
    assert [(one.label, one.added, one.missing) for one in cause.sayings] == [
        ("python 3.12", ("b",), ("a",))
    ]


def test_what_differs_between_identical_runs_varies_with_nothing() -> None:
    dynamic = metadata(dynamic=["Requires-Dist"])
    for runs in (
        [run(BASELINE, "a"), run(AGAIN, "b"), run(PYTHON, "c")],
        [run(BASELINE, "a"), run(AGAIN, "a"), run(PYTHON, "c"), run(PYTHON, "d")],
    ):
        (cause,) = judge(dynamic, *runs)["requires-dist"].causes
        assert cause.name == "nothing"


def test_a_broken_promise_is_proof() -> None:
    found = judge(metadata(["a"]), run(BASELINE, "a", "b"), run(AGAIN, "a", "b"))
    field = found["requires-dist"]
    assert (field.standing, field.case) == (Standing.BROKEN, Case.STATIC)
    assert [(one.label, one.added, one.missing) for one in field.broken] == [
        ("baseline", ("b",), ())
    ]


def test_what_is_simulated_breaks_no_promise() -> None:
    field = judge(metadata(["a"]), run(BASELINE, "a"), run(CLOCK, "b"))["requires-dist"]
    assert field.standing is Standing.VARIES
    assert field.broken == ()
    assert field.causes[0].simulated


def test_an_append_only_list_may_grow_and_not_shrink() -> None:
    promised = metadata(["a", "b"], dynamic=["Requires-Dist"], metadata_version="2.6")
    grown = judge(promised, run(BASELINE, "a", "b", "c"))["requires-dist"]
    assert (grown.standing, grown.case) == (Standing.REPRODUCIBLE, Case.APPEND_ONLY)
    lost = judge(promised, run(BASELINE, "a", "c"))["requires-dist"]
    assert lost.standing is Standing.BROKEN
    assert lost.broken[0].missing == ("b",)


def test_an_old_sdist_promises_nothing() -> None:
    old = metadata(["a"], metadata_version="2.1")
    field = judge(old, run(BASELINE, "b"))["requires-dist"]
    assert (field.standing, field.case) == (Standing.REPRODUCIBLE, Case.LEGACY)


def test_without_pkg_info_only_the_runs_are_compared() -> None:
    found = judge(Unreadable(reason="has no `PKG-INFO`"), run(BASELINE, "a"), run(PYTHON, "b"))
    assert found["requires-dist"].standing is Standing.VARIES


def test_a_declaration_allows_what_it_names() -> None:
    dynamic = metadata(["a"], dynamic=["Requires-Dist"])
    runs = [run(BASELINE, "a"), run(PYTHON, "a", "mpi4py>=3")]
    allowed = judge(dynamic, *runs, declaration=declared("mpi4py >=3"))["requires-dist"]
    assert allowed.standing is Standing.DECLARED
    assert allowed.standing.holds
    other = judge(dynamic, *runs, declaration=declared("cupy"))["requires-dist"]
    assert (other.standing, other.beyond) == (Standing.BEYOND, ("mpi4py>=3",))
    less = judge(dynamic, run(BASELINE, "a"), run(PYTHON), declaration=declared("mpi4py"))
    assert less["requires-dist"].standing is Standing.VARIES


def test_fields_beside_the_requirements() -> None:
    found = judge(
        metadata(headers=[("Summary", "one")]),
        run(BASELINE, Summary="one"),
        run(PYTHON, Summary="two"),
    )
    assert found["summary"].standing is Standing.BROKEN
    assert found["summary"].causes[0].name == "python"
    assert found["name"].standing is Standing.REPRODUCIBLE


def test_licences_are_exempt() -> None:
    found = judge(metadata(), run(BASELINE, License="MIT"), run(PYTHON, License="Apache-2.0"))
    assert set(found) == {"name", "version"}


def test_a_field_that_is_younger_than_the_file() -> None:
    """A `Metadata-Version` of 2.4 knows no `Import-Name`: an older backend breaks no promise."""

    def importing(condition: Condition, version: str, *names: str) -> Run:
        parsed = metadata(metadata_version=version, headers=[("Import-Name", one) for one in names])
        return Run(condition=condition, metadata=parsed, python="3.11.7")

    old, new = metadata(), metadata(metadata_version="2.5", headers=[("Import-Name", "demo")])
    runs = [importing(BASELINE, "2.5", "demo"), importing(PYTHON, "2.4")]
    assert judge(old, *runs)["import-name"].standing is Standing.REPRODUCIBLE
    assert judge(new, *runs)["import-name"].standing is Standing.REPRODUCIBLE
    assert unsettled(runs) == ()
    other = [importing(BASELINE, "2.5", "other"), importing(PYTHON, "2.5", "demo")]
    assert judge(new, *other)["import-name"].standing is Standing.BROKEN
    assert unsettled(other) == ("python 3.12",)


def test_failed_runs_are_not_compared() -> None:
    failed = Run(condition=PYTHON, metadata=Unreadable(reason="no"), python="3.12.1")
    found = judge(metadata(["a"]), run(BASELINE, "a"), failed)
    assert all(field.standing is Standing.REPRODUCIBLE for field in found.values())
    assert unsettled([failed]) == ()


def test_what_is_to_be_run_again() -> None:
    runs = [run(BASELINE, "a"), run(AGAIN, "b"), run(SEED, "a"), run(PYTHON, "c"), run(CLOCK, "d")]
    assert unsettled(runs) == ("python 3.12", "clock 400 days later")


def test_every_list_that_may_appear() -> None:
    runs = [run(BASELINE, "a", "b"), run(CLOCK, "c")]
    assert may_add(beginning(metadata(["a"])), runs) == ("b", "c")


def published(filename: str, *requires: str) -> ReleaseFile:
    return ReleaseFile(
        artifact=Artifact(filename=filename, url=filename, name=parse_filename(filename)),
        reading=Reading(metadata=metadata(requires), how=How.FILE),
    )


def test_published_wheels_are_compared_with_the_nearest_run() -> None:
    runs = [run(BASELINE, "a"), run(PYTHON, "b")]
    wheels = [
        published("demo-1.0-cp312-cp312-win_amd64.whl", "b"),
        published("demo-1.0-cp311-cp311-linux_x86_64.whl", "a", "libdemo==3"),
    ]
    same, other = compare_published(runs, wheels)
    assert (same.label, same.differences) == ("python 3.12", ())
    assert other.label == "baseline"
    assert [(one.field, one.added, one.missing) for one in other.differences] == [
        ("requires-dist", ("libdemo==3",), ())
    ]
