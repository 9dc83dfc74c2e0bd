"""`prove` as a whole: sdists that are honest, random, or depend on what they should not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backend import PYPROJECT, make_backend, make_project
from tests.build import make_wheel
from tests.sandboxed import sandbox_or_skip
from trueup.features.prove import NAMES, parse_vary, prove
from trueup.features.prove.conditions import conditions
from trueup.model.errors import SourceError, UsageError
from trueup.model.finding import Case
from trueup.model.proof import FieldProof, Proof, Standing
from trueup.model.release import ReleaseFile
from trueup.model.watcher import Watcher
from trueup.sources.environment import Environments
from trueup.sources.folder import FolderSource
from trueup.sources.interpreter import Interpreter
from trueup.sources.release import gather
from trueup.sources.sandbox import Allowance

ALLOWANCE = Allowance(seconds=60, memory=1024**3, processes=100, disk=100 * 1024**2)


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environments]:
    wheelhouse = tmp_path_factory.mktemp("wheelhouse")
    make_backend(wheelhouse)
    with Environments(
        source=FolderSource([wheelhouse]), environ=os.environ, wheelhouse=wheelhouse
    ) as made:
        yield made


def proved(
    target: Path,
    environments: Environments,
    *only: str,
    vary: tuple[tuple[str, str], ...] = (),
    published: tuple[ReleaseFile, ...] = (),
    whole: bool = False,
    watcher: Watcher | None = None,
) -> Proof:
    return prove(
        target,
        sandbox=sandbox_or_skip(),
        environments=environments,
        allowance=ALLOWANCE,
        only=frozenset(only) or None,
        vary=vary,
        published=published,
        whole=whole,
        watcher=watcher,
    )


def field(proof: Proof, name: str = "requires-dist") -> FieldProof:
    return next(field for field in proof.fields if field.field == name)


def causes(proof: Proof, name: str = "requires-dist") -> list[str]:
    return [cause.name for cause in field(proof, name).causes]


class Counting(Watcher):
    def __init__(self) -> None:
        self.expected = 0
        self.labels: list[str] = []

    def expect(self, count: int) -> None:
        self.expected += count

    def done(self, what: str) -> None:
        self.labels.append(what)


def test_honest(tmp_path: Path, environments: Environments) -> None:
    watcher = Counting()
    proof = proved(make_project(tmp_path, requires=["a"]), environments, watcher=watcher)
    assert proof.holds, proof.fields
    assert {one.standing for one in proof.fields} == {Standing.REPRODUCIBLE}
    assert (proof.may_add, proof.culprits, proof.failed) == ((), (), ())
    assert watcher.labels[0] == "baseline"
    assert watcher.expected == len(watcher.labels) == len(proof.runs)
    assert set(watcher.labels) >= {
        "again",
        "hash-seed 1",
        "path",
        "clock 400 days later",
        "time-zone 14 h ahead",
        "locale C",
        "requirements lowest",
    }
    beginning = proof.beginning
    assert (beginning.project, beginning.version) == ("demo", "1.0")
    assert beginning.sha256 is not None


def test_random(tmp_path: Path, environments: Environments) -> None:
    code = "import random\nrequires = random.sample(['p%d' % n for n in range(50)], 2)"
    proof = proved(
        make_project(tmp_path, code, dynamic=["Requires-Dist"]), environments, "again", "path"
    )
    assert not proof.holds
    assert field(proof).standing is Standing.VARIES
    assert causes(proof) == ["nothing"]
    assert len(proof.may_add) > 3
    (culprit,) = [one for one in proof.culprits if "sample" in one.text]
    assert (culprit.file, culprit.reason) == ("project.py", "uses `random`")


DEPENDENT = {
    "hash-seed": "requires.append(sorted('abcdefgh', key=hash)[0])",
    "path": "import os; requires.append('p%d' % len(os.getcwd()))",
    "clock": "import datetime; requires.append('y%d' % datetime.date.today().year)",
    "time-zone": "import time; requires.append('z%d' % abs(time.timezone))",
    "locale": "import locale; requires.append(locale.getpreferredencoding(False))",
    "requirements": "requires.append('b' + BACKEND)",
}


@pytest.mark.parametrize("name", DEPENDENT)
def test_it_varies_with_what_it_depends_on(
    tmp_path: Path, environments: Environments, name: str
) -> None:
    sdist = make_project(tmp_path, DEPENDENT[name], dynamic=["Requires-Dist"])
    proof = proved(sdist, environments, *DEPENDENT, "again")
    assert causes(proof) == [name]
    assert field(proof).standing is Standing.VARIES
    assert field(proof, "name").standing is Standing.REPRODUCIBLE
    assert not proof.holds


def test_environment_variables(tmp_path: Path, environments: Environments) -> None:
    code = "import os\nif os.environ.get('MPI') == 'ON': requires.append('mpi4py>=3')"
    vary = parse_vary(["MPI=ON,OFF"])
    sdist = make_project(tmp_path, code, dynamic=["Requires-Dist"])
    proof = proved(sdist, environments, "variable", "again", vary=vary)
    (cause,) = field(proof).causes
    assert cause.name == "variable"
    assert [(one.label, one.added) for one in cause.sayings] == [
        ("variable MPI=ON", ("mpi4py>=3",))
    ]
    assert proof.may_add == ("mpi4py>=3",)

    table = '[tool.trueup.dynamic]\nmay-add = ["mpi4py>=3"]\n'
    sdist = make_project(tmp_path, code, dynamic=["Requires-Dist"], pyproject=table)
    declared = proved(sdist, environments, "variable", vary=vary)
    assert field(declared).standing is Standing.DECLARED
    assert declared.holds


def test_static_but_lying(tmp_path: Path, environments: Environments) -> None:
    proof = proved(
        make_project(tmp_path, requires=["a", "b"], promised=["a"]), environments, "again"
    )
    assert (field(proof).standing, field(proof).case) == (Standing.BROKEN, Case.STATIC)
    assert field(proof).broken[0].added == ("b",)
    assert causes(proof) == []
    assert not proof.holds


def test_an_append_only_list_that_lost_an_entry(tmp_path: Path, environments: Environments) -> None:
    sdist = make_project(
        tmp_path,
        requires=["a"],
        promised=["a", "b"],
        dynamic=["Requires-Dist"],
        metadata_version="2.6",
    )
    proof = proved(sdist, environments, "again")
    assert (field(proof).standing, field(proof).case) == (Standing.BROKEN, Case.APPEND_ONLY)


def test_a_build_that_fails_in_one_condition(tmp_path: Path, environments: Environments) -> None:
    code = "import os\nif os.environ.get('LC_ALL') == 'C': raise ValueError('not UTF-8')"
    proof = proved(make_project(tmp_path, code), environments, "locale", "again")
    assert [(one.label, reason) for one, reason in proof.failed] == [
        ("locale C", "building its metadata failed: found ValueError: not UTF-8")
    ]
    assert proof.holds


def test_a_build_that_always_fails(tmp_path: Path, environments: Environments) -> None:
    sdist = make_project(tmp_path, "raise ValueError('never')")
    with pytest.raises(SourceError, match="ValueError: never"):
        proved(sdist, environments)


def test_whole_wheels(tmp_path: Path, environments: Environments) -> None:
    proof = proved(make_project(tmp_path), environments, "again", whole=True)
    assert all(run.wheel is not None for run in proof.runs)


def test_a_folder_against_its_sdist(tmp_path: Path, environments: Environments) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "pyproject.toml").write_text(PYPROJECT)
    (tree / "notes.txt").write_text("not in the sdist")
    (tree / "project.py").write_text(
        "import os\nfound = ['a'] if os.path.exists('notes.txt') else []\n"
        "METADATA = 'Metadata-Version: 2.4\\nName: demo\\nVersion: 1.0\\nDynamic: Requires-Dist\\n'"
        " + ''.join(f'Requires-Dist: {one}\\n' for one in found)\n"
    )
    proof = proved(tree, environments, "tree", "again")
    assert causes(proof) == ["tree"]
    assert proof.beginning.filename == "demo-1.0.tar.gz"
    assert proof.beginning.sha256 is None
    with pytest.raises(UsageError, match="is no project"):
        proved(tmp_path, environments)


def test_published_wheels(tmp_path: Path, environments: Environments) -> None:
    dist = tmp_path / "dist"
    dist.mkdir()
    make_wheel(dist, "demo", "1.0", requires=["a"])
    make_wheel(dist, "demo", "1.0", tags="cp312-cp312-win_amd64", requires=["a", "libdemo"])
    wheels = gather(FolderSource(dist), "demo").wheels
    proof = proved(make_project(tmp_path, requires=["a"]), environments, "again", published=wheels)
    repaired, same = sorted(proof.comparisons, key=lambda one: one.filename)
    assert same.differences == ()
    assert [one.added for one in repaired.differences] == [("libdemo",)]


# --- conditions ---------------------------------------------------------------------------------

OWN = Interpreter(
    executable=Path("/usr/bin/python3.11"), prefix=Path("/usr"), minor=(3, 11), version="3.11.2"
)


def test_every_condition_has_a_name_that_is_known() -> None:
    other = Interpreter(executable=Path("x"), prefix=Path("x"), minor=(3, 12), version="3.12.1")
    planned = conditions("setuptools.build_meta", own=OWN, pythons=(OWN, other), vary=(("A", "1"),))
    assert {one.condition.name for one in planned} == set(NAMES) - {"tree"}
    assert {one.condition.name for one in planned if one.condition.simulated} == {
        "clock",
        "platform",
    }
    labels = [one.condition.label for one in planned if one.condition.name != "again"]
    assert len(labels) == len(set(labels))


def test_a_platform_is_pretended_for_pure_backends_only() -> None:
    assert not [one for one in conditions("mesonpy", own=OWN) if one.condition.name == "platform"]
    with pytest.raises(UsageError, match="there is no condition `moon`"):
        conditions("mesonpy", own=OWN, only=frozenset({"moon"}))


@pytest.mark.parametrize("text", ["", "NAME", "=x", "1A=x", "A B=x"])
def test_what_cannot_be_varied(text: str) -> None:
    with pytest.raises(UsageError):
        parse_vary([text])
