"""Laws of companion wheels, on wheels that Hypothesis makes up: nothing is lost, nothing is added."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.build import make_wheel, metadata_text
from tests.ziprules import broken_records, broken_rules
from trueup.features.split import write_companions
from trueup.judge.companion import bundle_folder, companion_path, plan_companion
from trueup.model.document import parse_document
from trueup.model.split import CompanionPlan
from trueup.sources.splitwheel import read_split_wheel

LINUX = "manylinux_2_17_x86_64"
INFO = "demo-1.0.dist-info"
OURS = {f"{INFO}/{name}" for name in ("METADATA", "RECORD", "nativelib.json")}

parts = st.sampled_from(["a", "b.so.1", ".hidden", "ü x", "c,d", 'e"f', "libs", "x.libs"])
folders = st.sampled_from(
    ["demo", "demo.libs", "demo.libs/sub", "other.libs", "demo-1.0.data/data/share",
     "demo-1.0.data/platlib/demo.libs", f"{INFO}/licenses", f"{INFO}/sboms", "demo/.dylibs"]
)  # fmt: skip
names = st.builds(lambda folder, tail: "/".join([folder, *tail]), folders, st.lists(
    parts, min_size=1, max_size=2))  # fmt: skip
trees = st.dictionaries(names, st.binary(max_size=40), min_size=1, max_size=8)
metadata = st.builds(
    lambda requires, headers, newline, body: metadata_text(
        "demo", "1.0", requires=requires, headers=headers, body=body
    ).replace("\n", newline).encode(),
    st.lists(st.sampled_from(["numpy>=1", "scipy; extra == 'x'"]), max_size=2),
    st.lists(
        st.sampled_from([("Author", "Å B"), ("License", "two\n        lines"), ("Home-page", ""),
                         ("License-File", "LICENSE"), ("Keywords", "a,\x0bb")]),
        max_size=3, unique=True,
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([None, "", "Text\n\n.libs"]),
)  # fmt: skip


def apart(tree: Mapping[str, bytes]) -> bool:
    """Whether no file is a folder as well, as in every wheel that can be installed."""
    return not any(one != two and two.startswith(f"{one}/") for one in tree for two in tree)


def write(folder: Path, tree: Mapping[str, bytes], *, python: str, options: dict[str, Any]) -> Path:
    """A wheel whose members have dates and modes of their own."""
    tags = f"{python}-{python}-{LINUX}"
    path = make_wheel(folder, "demo", "1.0", tags=tags, files=tree, **options)
    with zipfile.ZipFile(path) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for number, (info, data) in enumerate(members):
            info.external_attr = (0o100755 if number % 2 else 0o100644) << 16
            info.date_time = (2000 + number, 1, 2, 3, 4, 6)
            archive.writestr(info, data)
    return path


def members(path: Path) -> dict[str, tuple[bytes, int, tuple[int, ...]]]:
    with zipfile.ZipFile(path) as archive:
        return {
            info.filename: (archive.read(info), info.external_attr, info.date_time)
            for info in archive.infolist()
        }


def split(paths: Sequence[Path], folder: Path) -> CompanionPlan:
    plan = plan_companion([read_split_wheel(path) for path in paths])
    assume(isinstance(plan, CompanionPlan))
    assert isinstance(plan, CompanionPlan)
    write_companions(plan, folder)
    return plan


@settings(max_examples=60, deadline=None)
@given(trees.filter(apart), metadata, st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_nothing_is_lost_and_nothing_added(
    tree: dict[str, bytes], text: bytes, compression: int
) -> None:
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        options = {"metadata_bytes": text, "compression": compression}
        paths = [write(folder, tree, python=one, options=options) for one in ("cp311", "cp312")]
        out = folder / "out"
        split(paths, out)
        companion = members(out / f"demo_libs-1.0-py3-none-{LINUX}.whl")
        for path in (*out.iterdir(),):
            assert broken_rules(path.read_bytes()) == []
            assert broken_records(path.read_bytes()) == []
        for path in paths:
            before, after = members(path), members(out / path.name)
            moved = {name for name in before if bundle_folder(name) and name in tree}
            moved = {name for name in moved if companion_path(name) != name}
            grafted = {f"{INFO}/sboms/auditwheel.cdx.json"} if moved else set()
            assert after.keys() == (before.keys() - moved - grafted) | OURS
            for name in before.keys() - moved - OURS - grafted:
                assert after[name] == before[name]
            for name in moved:
                assert companion[companion_path(name)] == before[name]
            assert {name for name in companion if ".dist-info/" not in name} == {
                companion_path(name) for name in moved
            }
            document = parse_document(after[f"{INFO}/METADATA"][0])
            original = parse_document(text)
            wanted = (*original.values("requires-dist"), "demo-libs==1.0")
            assert document.values("requires-dist") == wanted
