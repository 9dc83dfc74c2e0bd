"""`amend` on real wheels: what changes, what does not, and what is refused."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.build import make_sdist, make_wheel, metadata_text
from tests.ziprules import broken_records, broken_rules, members
from trueup.features.amend import (
    AddRequires,
    Declared,
    Identity,
    Naming,
    Operation,
    Place,
    Reconcile,
    RemoveRequires,
    SetRequiresPython,
    find_declaration,
    open_subjects,
    plan,
    versions_in,
    write,
)
from trueup.features.check import Wanted, check
from trueup.model.artifact import Artifact, parse_filename
from trueup.model.declaration import parse_declaration
from trueup.model.errors import TrueupError, UsageError
from trueup.model.finding import ReleaseClass
from trueup.model.metadata import Metadata, Unreadable
from trueup.model.release import Reading
from trueup.sources.archive import read_wheel
from trueup.sources.folder import FolderSource
from trueup.sources.source import Listing

LINUX, MACOS = "cp312-cp312-manylinux_2_28_x86_64", "cp312-cp312-macosx_14_0_arm64"
OLD_LINUX = "cp312-cp312-manylinux_2_17_x86_64"
WIN32, WIN64 = "cp312-cp312-win32", "cp312-cp312-win_amd64"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    return folder


def amend(*paths: Path, by: Operation, naming: Naming | None = None, **place: object) -> list[Path]:
    planned = plan(
        open_subjects(paths), [by], naming=naming, place=Place(**place)  # type: ignore[arg-type]
    )  # fmt: skip
    return [done.target for done in write(planned)]


def requires(path: Path) -> list[str]:
    with path.open("rb") as file:
        contents = read_wheel(file, filename=path.name)
    assert isinstance(contents.metadata, bytes)
    prefix = "Requires-Dist: "
    lines = contents.metadata.decode().splitlines()
    return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]


def class_of(folder: Path) -> ReleaseClass:
    source = FolderSource(folder)
    wanted = Wanted(source=source, project=canonicalize_name("demo"), version=None, asked="demo")
    (report,) = check([wanted]).releases
    return report.release_class


# --- explicit operations ------------------------------------------------------------------------


def test_requirements_are_added_and_the_rest_is_kept(dist: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0", requires=["numpy>=1"], body="Text\r\n", extras=["x"])
    (new,) = amend(wheel, by=AddRequires(requirements=("scipy", "numpy >= 1")))
    assert new == dist / "amended" / wheel.name
    assert requires(new) == ["numpy>=1", "scipy"]
    old, after = members(wheel), members(new)
    changed = {name for name in old if old[name] != after[name]}
    assert changed == {"demo-1.0.dist-info/METADATA", "demo-1.0.dist-info/RECORD"}
    assert broken_rules(new.read_bytes()) == broken_records(new.read_bytes()) == []


def test_an_extra_that_only_a_new_requirement_names_is_provided(dist: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0", requires=["a; extra == 'x'"], extras=["x"])
    (new,) = amend(wheel, by=AddRequires(requirements=("b; extra == 'X'", "c; extra == 'GPU'")))
    (subject,) = open_subjects([new])
    assert subject.metadata.values("provides-extra") == ("x", "gpu")


def test_requirements_are_removed_by_project_or_as_a_whole(dist: Path) -> None:
    lines = ["numpy>=1", "numpy<3; python_version < '3.12'", "scipy", "old>=1"]
    wheel = make_wheel(dist, "demo", "1.0", requires=lines)
    (new,) = amend(wheel, by=RemoveRequires(requirements=("NumPy", "old >= 1")))
    assert requires(new) == ["scipy"]
    with pytest.raises(UsageError, match="`--remove-requires scipy<1` matches no requirement"):
        amend(wheel, by=RemoveRequires(requirements=("scipy<1",)), output=dist / "other")


def test_requires_python_is_set_and_removed(dist: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0", requires_python=">=3.9")
    assert amend(wheel, by=SetRequiresPython(specifiers=">= 3.9")) == []
    (new,) = amend(wheel, by=SetRequiresPython(specifiers=">=3.10"))
    assert b"Requires-Python: >=3.10\n" in zipfile.ZipFile(new).read("demo-1.0.dist-info/METADATA")
    (new,) = amend(wheel, by=SetRequiresPython(specifiers=""), output=dist / "other")
    assert b"Requires-Python" not in zipfile.ZipFile(new).read("demo-1.0.dist-info/METADATA")


@pytest.mark.parametrize(
    "operation",
    [
        AddRequires(requirements=("not a requirement",)),
        RemoveRequires(requirements=(">=1",)),
        SetRequiresPython(specifiers="three"),
    ],
)
def test_what_cannot_be_parsed_is_refused(operation: Operation, dist: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0")
    with pytest.raises(UsageError, match="expected"):
        amend(wheel, by=operation)


def test_nothing_to_do_writes_nothing(dist: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0", requires=["numpy>=1"])
    planned = plan(open_subjects([wheel]), [AddRequires(requirements=("numpy>=1",))])
    assert planned.changes == ()
    assert planned.unchanged == (wheel,)
    assert write(planned) == ()
    assert [path.name for path in dist.iterdir()] == [wheel.name]
    with pytest.raises(UsageError, match="nothing to do"):
        plan(open_subjects([wheel]), [])


# --- reconcile ----------------------------------------------------------------------------------


def test_a_reconciled_release_is_identical(dist: Path) -> None:
    make_wheel(dist, "demo", "1.0", tags=LINUX, requires=["numpy>=1", "uvloop"], extras=["a"])
    make_wheel(dist, "demo", "1.0", tags=MACOS, requires=["numpy >=1"], requires_python=">=3.12")
    make_wheel(dist, "demo", "1.0", tags=WIN64, requires=["zlib", "numpy>=1", "colorama"])
    assert class_of(dist) is not ReleaseClass.IDENTICAL
    new = amend(dist, by=Reconcile())
    assert len(new) == 3
    assert class_of(dist / "amended") is ReleaseClass.IDENTICAL
    assert len({tuple(requires(path)) for path in new}) == 1
    again = plan(open_subjects(new), [Reconcile()])
    assert again.changes == ()


def test_an_irreconcilable_release_is_refused_with_the_witness(dist: Path) -> None:
    make_wheel(dist, "demo", "1.0", tags=LINUX, requires=["nccl"])
    make_wheel(dist, "demo", "1.0", tags="cp312-cp312-manylinux_2_38_x86_64")
    with pytest.raises(TrueupError) as error:
        amend(dist, by=Reconcile())
    text = str(error.value)
    assert "demo 1.0 is irreconcilable" in text
    assert "on Linux x86_64, Python 3.12" in text
    assert f"`demo-1.0-{LINUX}.whl`" in text
    assert "asks for `nccl`" in text
    assert "asks for no `nccl`" in text, "it may well ask for something else"
    assert not (dist / "amended").exists()


def test_a_residue_is_accepted_only_when_asked_for(dist: Path) -> None:
    make_wheel(dist, "demo", "1.0", tags=WIN32, requires=["old"])
    make_wheel(dist, "demo", "1.0", tags=WIN64)
    make_wheel(dist, "demo", "1.0", tags=LINUX, requires=["uvloop"])
    with pytest.raises(TrueupError) as error:
        amend(dist, by=Reconcile())
    assert "--accept-residue" in (error.value.hint or "")
    planned = plan(open_subjects([dist]), [Reconcile(accept_residue=True)])
    assert any("the merged list is wrong for" in note for note in planned.notes)
    write(planned)
    assert class_of(dist / "amended") is ReleaseClass.IDENTICAL


def test_wheels_that_were_not_named_are_told(dist: Path) -> None:
    one = make_wheel(dist, "demo", "1.0", tags=LINUX, requires=["a"])
    two = make_wheel(dist, "demo", "1.0", tags=MACOS)
    planned = plan(open_subjects([one]), [Reconcile()])
    assert planned.notes == (f"`{two.name}` is of the same release, and was not named",)


def test_what_cannot_be_reconciled_says_why(dist: Path) -> None:
    broken = make_wheel(dist, "demo", "1.0", tags=LINUX, requires=["numpy>=="])
    with pytest.raises(TrueupError, match="Requires-Dist: numpy>=="):
        amend(broken, by=Reconcile())
    with pytest.raises(UsageError, match="needs the wheels"):
        amend(make_sdist(dist, "demo", "1.0"), by=Reconcile())


def test_variants_may_differ(dist: Path) -> None:
    make_wheel(dist, "demo", "1.0", tags=LINUX, requires=["a"])
    make_wheel(dist, "demo", "1.0", tags=LINUX, variant="x86_64_v3")
    with pytest.raises(TrueupError, match="wheels of a variant"):
        amend(dist, by=Reconcile())


def test_default_extras_are_not_merged(dist: Path) -> None:
    headers = [("Default-Extra", "x")]
    make_wheel(dist, "demo", "1.0", tags=LINUX, extras=["x"], headers=headers)
    make_wheel(dist, "demo", "1.0", tags=MACOS, extras=["x"])
    with pytest.raises(TrueupError, match="has as `Default-Extra` `x`"):
        amend(dist, by=Reconcile())
    assert not (dist / "amended").exists()


def test_releases_are_reconciled_one_by_one(dist: Path) -> None:
    for version in ("1.0", "2.0"):
        make_wheel(dist, "demo", version, tags=LINUX, requires=[f"uvloop>={version}"])
        make_wheel(dist, "demo", version, tags=MACOS)
    new = amend(dist, by=Reconcile())
    assert [requires(path) for path in new] == [
        ['uvloop>=1.0; sys_platform == "linux"'],
        ['uvloop>=1.0; sys_platform == "linux"'],
        ['uvloop>=2.0; sys_platform == "linux"'],
        ['uvloop>=2.0; sys_platform == "linux"'],
    ]


# --- declared -----------------------------------------------------------------------------------

DECLARED = '[tool.trueup.wheels]\nrequires = ["openblas==0.3.30"]\n'
AS_BUILT = '[tool.trueup.wheels]\nas-built = ["torch"]\n'


def declared(text: str, **installed: str) -> Declared:
    declaration = parse_declaration(text)
    assert declaration is not None
    versions = {canonicalize_name(name): Version(text) for name, text in installed.items()}
    return Declared(declaration=declaration, installed=versions or None)


def test_declared_requirements_are_added_and_check_is_content(dist: Path) -> None:
    make_sdist(dist, "demo", "1.0", requires=["numpy"], pyproject=DECLARED)
    wheel = make_wheel(dist, "demo", "1.0", tags=LINUX, requires=["numpy"])
    subjects = open_subjects([wheel])
    declaration, origin = find_declaration(None, subjects, directory=dist.parent)
    assert origin == str(dist / "demo-1.0.tar.gz")
    (new,) = amend(wheel, by=Declared(declaration=declaration), in_place=True)
    assert new == wheel
    assert requires(wheel) == ["numpy", "openblas==0.3.30"]
    source = FolderSource(dist)
    wanted = Wanted(source=source, project=canonicalize_name("demo"), version=None, asked="demo")
    (report,) = check([wanted]).releases
    assert [item.code for item in report.findings if item.severity.value == "error"] == []


def test_as_built_is_the_version_of_the_build_environment(dist: Path, tmp_path: Path) -> None:
    site = tmp_path / "venv/lib/python3.12/site-packages/torch-2.5.1.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_text(metadata_text("torch", "2.5.1+cu124"))
    assert versions_in(tmp_path / "venv") == {"torch": Version("2.5.1+cu124")}
    assert versions_in(site.parent) == {"torch": Version("2.5.1+cu124")}
    wheel = make_wheel(dist, "demo", "1.0", requires=["torch>=2"])
    planned = plan(open_subjects([wheel]), [declared(AS_BUILT, torch="2.5.1+cu124")])
    assert "can only be met where that local build is listed" in planned.notes[0]
    (done,) = write(planned)
    assert requires(done.target) == ["torch>=2", "torch==2.5.1+cu124"]
    with pytest.raises(UsageError, match="holds no installed distribution"):
        versions_in(dist)


def test_as_built_is_not_guessed(dist: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0", requires=["torch==2.4"])
    with pytest.raises(UsageError, match="the build environment is not known"):
        amend(wheel, by=declared(AS_BUILT))
    with pytest.raises(UsageError, match="not installed in the build environment"):
        amend(wheel, by=declared(AS_BUILT, numpy="2"))
    with pytest.raises(TrueupError, match=r"found `torch==2.4`, expected `torch==2.5`"):
        amend(wheel, by=declared(AS_BUILT, torch="2.5"))


def test_where_the_declaration_is_found(dist: Path, tmp_path: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0")
    subjects = open_subjects([wheel])
    with pytest.raises(UsageError, match="there is no declaration"):
        find_declaration(None, subjects, directory=tmp_path)
    (tmp_path / "pyproject.toml").write_text(DECLARED)
    for given in (None, tmp_path, tmp_path / "pyproject.toml"):
        declaration, _ = find_declaration(given, subjects, directory=tmp_path)
        assert [str(item) for item in declaration.wheels_require] == ["openblas==0.3.30"]
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    with pytest.raises(UsageError, match="declares nothing"):
        find_declaration(tmp_path, subjects, directory=tmp_path)
    with pytest.raises(TrueupError, match="cannot be read"):
        find_declaration(tmp_path / "absent.toml", subjects, directory=tmp_path)


# --- names --------------------------------------------------------------------------------------


class Index:
    """An index that lists some file names of `demo`, and nothing else."""

    def __init__(self, *names: str, uploaded: datetime | None = None) -> None:
        self.files = tuple(
            Artifact(
                filename=name,
                url=f"https://index.test/{name}",
                name=parse_filename(name),
                upload_time=uploaded,
            )
            for name in names
        )

    def listing(self, project: str) -> Listing:
        return Listing(project=canonicalize_name(project), files=self.files, origin="index")

    def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
        raise AssertionError("naming reads no file")


ADD = AddRequires(requirements=("numpy",))
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_published_files_get_a_build_tag_above_the_highest(dist: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0", tags=LINUX, build="2a")
    index = Index(wheel.name, f"demo-1.0-7-{MACOS}.whl", uploaded=datetime(2026, 1, 1, tzinfo=UTC))
    planned = plan(open_subjects([wheel]), [ADD], naming=Naming(index=index, now=NOW))
    (note,) = planned.notes
    assert note.startswith("demo 1.0 was first uploaded 324 days ago: the public index closes")
    (done,) = write(planned)
    assert done.target.name == f"demo-1.0-8-{LINUX}.whl"
    headers = zipfile.ZipFile(done.target).read("demo-1.0.dist-info/WHEEL").decode()
    assert headers.count("Build: ") == 1
    assert "Build: 8\n" in headers
    assert broken_records(done.target.read_bytes()) == []


def test_a_published_name_never_gets_other_content(dist: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0")
    naming = Naming(index=Index(wheel.name), identity=Identity.KEEP)
    with pytest.raises(UsageError, match="is published"):
        amend(wheel, by=ADD, naming=naming)
    sdist = make_sdist(dist, "demo", "1.0")
    with pytest.raises(UsageError, match="has no build tag"):
        amend(sdist, by=ADD, naming=Naming(index=Index(sdist.name)))
    local = Index("demo-1.0+nl.1-py3-none-any.whl")
    with pytest.raises(UsageError, match="is published already"):
        amend(wheel, by=ADD, naming=Naming(index=local, identity=Identity.LOCAL, local="nl.1"))


def test_what_no_index_lists_keeps_its_name(dist: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0")
    (new,) = amend(wheel, by=ADD, naming=Naming(index=Index("demo-0.9-py3-none-any.whl")))
    assert new.name == wheel.name


def test_a_local_version_is_another_version_everywhere(dist: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0", files={"demo-1.0.data/scripts/run": b"#!python\n"})
    naming = Naming(identity=Identity.LOCAL, local="nl.1")
    planned = plan(open_subjects([wheel]), [ADD], naming=naming)
    assert "the public index accepts no local version" in planned.notes[0]
    (done,) = write(planned)
    assert done.target.name == "demo-1.0+nl.1-py3-none-any.whl"
    (subject,) = open_subjects([done.target])
    assert subject.parsed.version == subject.version == Version("1.0+nl.1")
    names = zipfile.ZipFile(done.target).namelist()
    assert "demo-1.0+nl.1.data/scripts/run" in names
    assert not [name for name in names if name.startswith("demo-1.0.d")]
    (again,) = amend(done.target, by=AddRequires(requirements=("x",)), naming=naming)
    assert again.name == "demo-1.0+nl.1.nl.1-py3-none-any.whl"


@pytest.mark.parametrize("label", [None, "not a label!"])
def test_a_local_version_needs_a_label(label: str | None, dist: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0")
    with pytest.raises(UsageError, match=r"label|--local"):
        amend(wheel, by=ADD, naming=Naming(identity=Identity.LOCAL, local=label))


# --- places -------------------------------------------------------------------------------------


def test_in_place_under_another_name_takes_the_old_one_away(dist: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0")
    naming = Naming(identity=Identity.BUILD)
    (new,) = amend(wheel, by=ADD, naming=naming, in_place=True)
    assert [path.name for path in dist.iterdir()] == [new.name] == ["demo-1.0-1-py3-none-any.whl"]


def test_nothing_is_written_over(dist: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0")
    with pytest.raises(UsageError, match="replaced by its own amendment"):
        amend(wheel, by=ADD, output=dist)
    (dist / "amended").mkdir()
    (dist / "amended" / wheel.name).write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        amend(wheel, by=ADD)
    (dist / "file").write_text("")
    with pytest.raises(TrueupError, match="cannot be made"):
        amend(wheel, by=ADD, output=dist / "file" / "below")


# --- dist-info folders and sdists ---------------------------------------------------------------


def test_an_installed_distribution(dist: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0", requires=["numpy<2"])
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(dist / "site")
    folder = dist / "site/demo-1.0.dist-info"
    (new,) = amend(folder, by=ADD, output=dist / "out")
    assert "Requires-Dist: numpy<2\nRequires-Dist: numpy\n" in (new / "METADATA").read_text()
    assert "Requires-Dist: numpy\n" not in (folder / "METADATA").read_text()
    assert sorted(path.name for path in (dist / "out").iterdir()) == ["demo-1.0.dist-info"]
    (same,) = amend(folder, by=ADD, in_place=True)
    assert same == folder
    assert (folder / "RECORD").read_text() == (new / "RECORD").read_text()
    with pytest.raises(UsageError, match="dist-info folder has no build tag"):
        amend(folder, by=AddRequires(requirements=("x",)), naming=Naming(identity=Identity.BUILD))
    with pytest.raises(UsageError, match="cannot be reconciled"):
        amend(folder, by=Reconcile())


@pytest.mark.parametrize("form", ["tar.gz", "zip"])
def test_an_sdist_is_rewritten(form: str, dist: Path) -> None:
    sdist = make_sdist(dist, "demo", "1.0", format=form, files={"a.py": b"code"})
    planned = plan(open_subjects([sdist]), [ADD])
    (done,) = write(planned)
    assert done.notes == ("a build writes `PKG-INFO` anew: change its source as well",)
    (subject,) = open_subjects([done.target])
    assert subject.metadata.values("requires-dist") == ("numpy",)


# --- targets that are none ----------------------------------------------------------------------


def test_all_faults_are_told_at_once(dist: Path) -> None:
    one = dist / "a-1-py3-none-any.whl"
    two = dist / "b-1-py3-none-any.whl"
    for path in (one, two):
        path.write_bytes(b"no zip")
    with pytest.raises(TrueupError, match=r"2 files cannot be amended: .*a-1-.*b-1-"):
        open_subjects([dist])


def test_what_is_no_target_is_refused(dist: Path) -> None:
    with pytest.raises(UsageError, match="holds no wheel"):
        open_subjects([dist])
    (dist / "x.egg").write_text("")
    with pytest.raises(UsageError, match="cannot be amended"):
        open_subjects([dist / "x.egg"])
    with pytest.raises(UsageError, match="no such file"):
        open_subjects([dist / "absent-1-py3-none-any.whl"])
    (dist / "other").mkdir()
    same = [make_wheel(folder, "demo", "1.0") for folder in (dist, dist / "other")]
    with pytest.raises(UsageError, match="two files have the name"):
        open_subjects(same)


def test_metadata_that_would_be_read_differently_is_not_touched(dist: Path) -> None:
    text = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nFrom x"
    wheel = make_wheel(dist, "demo", "1.0", metadata_bytes=text)
    with pytest.raises(TrueupError, match="too irregular"):
        plan(open_subjects([wheel]), [ADD])


def test_the_diff_shows_headers_and_both_names(dist: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0", requires=["a"], body="A long text")
    planned = plan(open_subjects([wheel]), [ADD], naming=Naming(identity=Identity.BUILD))
    assert planned.changes[0].diff == (
        "--- demo-1.0-py3-none-any.whl/METADATA\n"
        "+++ demo-1.0-1-py3-none-any.whl/METADATA\n"
        "@@ -3,2 +3,3 @@\n Version: 1.0\n Requires-Dist: a\n+Requires-Dist: numpy\n"
    )


def test_metadata_after_is_what_check_reads(dist: Path) -> None:
    wheel = make_wheel(dist, "demo", "1.0")
    (new,) = amend(wheel, by=ADD)
    artifact = FolderSource(new).listing(canonicalize_name("demo")).files[0]
    metadata = FolderSource(new).read(artifact).metadata
    assert isinstance(metadata, Metadata)
    assert not isinstance(metadata.resolution, Unreadable)
