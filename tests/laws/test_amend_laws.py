"""Laws of `amend`, on wheels that Hypothesis makes up."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.build import make_wheel
from tests.laws.strategies import ATOMS
from tests.ziprules import broken_records, broken_rules, members
from trueup.features.amend import (
    AddRequires,
    Identity,
    Naming,
    Operation,
    Place,
    Reconcile,
    RemoveRequires,
    SetRequiresPython,
    open_subjects,
    plan,
    write,
)
from trueup.judge.reconcile import classify
from trueup.model.errors import TrueupError
from trueup.model.finding import ReleaseClass
from trueup.model.metadata import Metadata, parse_metadata
from trueup.model.release import How, Reading, Release, ReleaseFile
from trueup.sources.rewrite import Wheel

MARKERS = [atom for atom in ATOMS if "platform_release" not in atom and "version in" not in atom]
lines = st.builds(
    lambda name, marker: f"{name}; {marker}" if marker else name,
    st.sampled_from(["numpy>=1", "numpy>=2", "scipy", "Torch[a] == 2.*", "colorama"]),
    st.none() | st.sampled_from(MARKERS),
)
requirements = st.lists(lines, max_size=4)
names = st.text(st.sampled_from("ab/,\"' ü."), min_size=1, max_size=6).map(lambda n: f"demo/x{n}")
contents = st.dictionaries(names, st.binary(max_size=60), max_size=4)
operations = st.one_of(
    st.builds(AddRequires, requirements=st.lists(lines, min_size=1, max_size=2).map(tuple)),
    st.builds(RemoveRequires, requirements=st.sampled_from([("numpy",), ("scipy", "torch")])),
    st.builds(SetRequiresPython, specifiers=st.sampled_from(["", ">=3.9", ">=3.10,<4"])),
)
namings = st.sampled_from(
    [
        Naming(),
        Naming(identity=Identity.BUILD),
        Naming(identity=Identity.LOCAL, local="nl.1"),
    ]
)
TAGS = [
    "py3-none-any",
    "cp312-cp312-manylinux_2_28_x86_64",
    "cp312-cp312-manylinux_2_17_x86_64",
    "cp312-cp312-macosx_14_0_arm64",
    "cp312-cp312-win_amd64",
    "cp312-cp312-win32",
]


def amended(
    paths: Sequence[Path], operation: Operation, naming: Naming, output: Path
) -> list[tuple[Path, Path]] | None:
    """Source and target of what was written; None if it was refused."""
    try:
        planned = plan(open_subjects(paths), [operation], naming=naming, place=Place(output=output))
    except TrueupError:
        return None
    return [(done.source, done.target) for done in write(planned)]


@settings(max_examples=60)
@given(contents, requirements, operations, namings)
def test_every_other_member_keeps_its_bytes_and_record_holds(
    files: dict[str, bytes], requires: list[str], operation: Operation, naming: Naming
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        wheel = make_wheel(folder, "demo", "1.0", requires=requires, files=files)
        before = wheel.read_bytes()
        done = amended([wheel], operation, naming, folder / "out")
        assert wheel.read_bytes() == before
        if not done:
            assert [path.name for path in folder.iterdir()] == [wheel.name]
            return
        ((_, target),) = done
        data = target.read_bytes()
        assert broken_rules(data) == broken_records(data) == []
        info = next(n for n in zipfile.ZipFile(target).namelist() if n.endswith("/RECORD"))
        new = {"METADATA", "RECORD", *(["WHEEL"] if naming.identity is Identity.BUILD else [])}
        stem = info.partition(".dist-info")[0]
        changed = {f"{stem}.dist-info/{name}" for name in new}
        old = {k.replace("demo-1.0.d", f"{stem}.d"): v for k, v in members(wheel).items()}
        assert {n for n, item in members(target).items() if old.get(n) != item} == changed


@settings(max_examples=60)
@given(requirements, operations)
def test_what_is_done_is_done(requires: list[str], operation: Operation) -> None:
    """Once more there is nothing to do, and nothing is written (a removal then matches nothing)."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        wheel = make_wheel(folder, "demo", "1.0", requires=requires)
        done = amended([wheel], operation, Naming(), folder / "out")
        if done:
            again = amended([done[0][1]], operation, Naming(), folder / "again")
            assert again == (None if isinstance(operation, RemoveRequires) else [])
        assert not (folder / "again").exists()


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(TAGS), requirements), max_size=4, unique_by=lambda x: x[0])
)
def test_a_reconciled_release_is_identical_or_was_refused(
    wheels: list[tuple[str, list[str]]],
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        paths = [make_wheel(folder, "demo", "1.0", tags=t, requires=r) for t, r in wheels]
        done = amended(paths, Reconcile(accept_residue=True), Naming(), folder / "out")
        if done is None:
            assert not (folder / "out").exists()
            return
        after = [dict(done).get(path, path) for path in paths]
        subjects = open_subjects(after)
        release = Release(
            project=subjects[0].project,
            version=subjects[0].version,
            files=tuple(
                ReleaseFile(
                    artifact=item.artifact, reading=Reading(metadata=item.parsed, how=How.FILE)
                )
                for item in subjects
            ),
            origin="",
        )
        (classification,) = classify(release)
        assert classification.release_class is ReleaseClass.IDENTICAL


PIECES = [
    b"\n", b"\r\n", b"\r", b" ", b"\t", b"Name: demo\n", b"Version: 1.0\n", b"Metadata-Version: 2.1\n",
    b"Requires-Dist: numpy>=1\n", b"requires-dist:\tb ;\n extra == 'x'\n", b"From me\n", b"\xff", b":",
    b"\xef\xbb\xbf", b"Description: a\n        |b\n", b"body\n", b"X-Y:\n",
]  # fmt: skip


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join) | st.binary(max_size=80),
    operations,
)
def test_fuzzed_metadata_is_amended_right_or_refused(data: bytes, operation: Operation) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        wheel = make_wheel(folder, "demo", "1.0", metadata_bytes=data)
        done = amended([wheel], operation, Naming(), folder / "out")
        if not done:
            assert [path.name for path in folder.iterdir()] == [wheel.name]
            return
        before = parse_metadata(data)
        with done[0][1].open("rb") as file:
            text = Wheel(file, wheel.name).read("METADATA")
        after = parse_metadata(text or b"")
        assert isinstance(before, Metadata)
        assert isinstance(after, Metadata)
        assert after.body == before.body
        fields = {"requires-dist", "requires-python", "provides-extra"}
        kept = [header for header in before.headers if header[0] not in fields]
        assert [header for header in after.headers if header[0] not in fields] == kept
