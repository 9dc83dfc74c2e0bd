"""Wheels rewritten, on real archives of every kind."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections.abc import Callable
from copy import copy
from pathlib import Path

import pytest
from packaging.version import Version

from tests.build import make_wheel, record_text, zip_bytes
from tests.ziprules import broken_records, broken_rules, members
from trueup.model.errors import ArchiveError, LimitError, SourceError
from trueup.sources.limits import Limits
from trueup.sources.recipe import Literal, Range, joined
from trueup.sources.rewrite import Rewrite, Wheel, open_wheel, write_wheel
from trueup.sources.splice import Changes, entries, splice

INFO = "demo-1.0.dist-info"
NEW = b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nRequires-Dist: numpy\n"
FILES = {
    "demo/data.bin": bytes(range(256)) * 40,
    "demo/ü.txt": b"text",
    "demo-1.0.data/purelib/x.py": b"",
}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_wheel(tmp_path, "demo", "1.0", files=FILES, requires=["pandas"])


def amended(path: Path, target: Path, **files: bytes | None) -> Rewrite:
    """Rewrite with METADATA replaced, and further files of the dist-info folder."""
    with open_wheel(path) as file:
        rewrite = Wheel(file, path.name).rewrite({"METADATA": NEW, **files})
        digest = write_wheel(file, rewrite, target)
    assert digest == hashlib.sha256(target.read_bytes()).hexdigest()
    return rewrite


def test_only_metadata_and_record_are_new(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "new.whl"
    rewrite = amended(wheel, target)
    before, after = members(wheel), members(target)
    assert list(before) == list(after)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"{INFO}/METADATA", f"{INFO}/RECORD"}
    assert zipfile.ZipFile(target).read(f"{INFO}/METADATA") == NEW
    assert broken_rules(target.read_bytes()) == broken_records(target.read_bytes()) == []
    assert rewrite.recipe.size == target.stat().st_size
    assert rewrite.notes == ()


def test_the_result_is_the_same_every_time(wheel: Path, tmp_path: Path) -> None:
    amended(wheel, tmp_path / "a.whl")
    amended(wheel, tmp_path / "b.whl")
    assert (tmp_path / "a.whl").read_bytes() == (tmp_path / "b.whl").read_bytes()


def test_files_are_added_and_removed(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "new.whl"
    amended(wheel, target, **{"entry_points.txt": b"[console_scripts]\n"})
    assert zipfile.ZipFile(target).namelist()[-2:] == [
        f"{INFO}/entry_points.txt", f"{INFO}/RECORD",
    ]  # fmt: skip
    assert broken_rules(target.read_bytes()) == broken_records(target.read_bytes()) == []
    again = tmp_path / "again.whl"
    amended(target, again, **{"entry_points.txt": None, "absent.txt": None})
    amended(wheel, target := tmp_path / "direct.whl")
    assert again.read_bytes() == target.read_bytes()


def test_another_version_renames_folders_and_headers(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "demo-1.0+nl.1-py3-none-any.whl"
    with open_wheel(wheel) as file:
        rewrite = Wheel(file, wheel.name).rewrite({"METADATA": NEW}, version=Version("1.0+nl.1"))
        write_wheel(file, rewrite, target)
    names = zipfile.ZipFile(target).namelist()
    assert names == [
        name.replace("demo-1.0.", "demo-1.0+nl.1.") for name in zipfile.ZipFile(wheel).namelist()
    ]
    assert broken_rules(target.read_bytes()) == broken_records(target.read_bytes()) == []


def test_signatures_of_the_old_record_are_dropped(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, "demo", "1.0", files={f"{INFO}/RECORD.jws": b"{}"})
    rewrite = amended(path, tmp_path / "new.whl")
    assert rewrite.notes == ("`RECORD.jws` is dropped: a signature of the old RECORD cannot hold",)
    assert broken_records((tmp_path / "new.whl").read_bytes()) == []


def test_the_original_may_be_the_target(wheel: Path) -> None:
    amended(wheel, wheel)
    assert zipfile.ZipFile(wheel).read(f"{INFO}/METADATA") == NEW
    assert [path.name for path in wheel.parent.iterdir()] == [wheel.name]


def test_a_link_stays_a_link(wheel: Path, tmp_path: Path) -> None:
    link = tmp_path / "links" / wheel.name
    link.parent.mkdir()
    link.symlink_to(wheel)
    amended(link, link)
    assert link.is_symlink()
    assert zipfile.ZipFile(wheel).read(f"{INFO}/METADATA") == NEW


def test_a_folder_that_cannot_be_written_leaves_everything(wheel: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be written"):
        amended(wheel, tmp_path / "absent" / "new.whl")


# --- archives of every kind ---------------------------------------------------------------------


def with_descriptors(data: bytes) -> bytes:
    """The same members, written to a stream that cannot seek back: sizes follow the data."""

    class Stream(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.data += memoryview(data)  # type: ignore[arg-type]
            return len(memoryview(data))  # type: ignore[arg-type]

    stream = Stream()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            new.writestr(info, old.read(info))
    return bytes(stream.data)


def with_comment(data: bytes) -> bytes:
    return data[:-2] + struct.pack("<H", 5) + b"hello"


def after_a_prefix(data: bytes) -> bytes:
    return b"#!/bin/sh\n" + data


def stored(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        return zip_bytes([(n, old.read(n)) for n in old.namelist()], compression=zipfile.ZIP_STORED)


def with_unknown_extras(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for info in old.infolist():
            info.extra = struct.pack("<HH4s", 0xCAFE, 4, b"abcd")
            info.comment = b"a comment"
            new.writestr(info, old.read(info))
    return buffer.getvalue()


def zip64(data: bytes) -> bytes:
    """Every size and offset in a zip64 block, and zip64 end records."""
    buffer = io.BytesIO()
    limit = zipfile.ZIP64_LIMIT
    zipfile.ZIP64_LIMIT = -1  # type: ignore[misc]
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
            for info in old.infolist():
                content = old.read(info)
                with new.open(copy(info), "w", force_zip64=True) as member:
                    member.write(content)
    finally:
        zipfile.ZIP64_LIMIT = limit  # type: ignore[misc]
    assert b"PK\x06\x06" in buffer.getvalue()
    return buffer.getvalue()


KINDS: list[Callable[[bytes], bytes]] = [
    with_descriptors, with_comment, after_a_prefix, stored, with_unknown_extras, zip64,
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", [None, Version("1.0+nl.1")], ids=["keep", "local"])
def test_archives_of_every_kind(
    kind: Callable[[bytes], bytes], version: Version | None, wheel: Path, tmp_path: Path
) -> None:
    path, target = tmp_path / "kind" / wheel.name, tmp_path / "new.whl"
    path.parent.mkdir()
    path.write_bytes(kind(wheel.read_bytes()))
    with open_wheel(path) as file:
        files = {"METADATA": NEW, "entry_points.txt": b""}
        write_wheel(file, Wheel(file, path.name).rewrite(files, version=version), target)
    before, after = members(path), members(target)
    folders = {"demo-1.0.": "demo-1.0."} if version is None else {"demo-1.0.": f"demo-{version}."}
    renamed = {name.replace(*next(iter(folders.items()))): item for name, item in before.items()}
    changed = {name for name in after if renamed.get(name) != after[name]}
    assert {name.partition("/")[2] for name in changed} == {
        "METADATA", "RECORD", "entry_points.txt",
    }  # fmt: skip
    problems = ["a gap before demo/__init__.py"] if kind is after_a_prefix else []
    data = target.read_bytes()
    assert broken_rules(data) == problems
    assert broken_records(data) == []
    old, new = zipfile.ZipFile(path), zipfile.ZipFile(target)
    assert old.comment == new.comment
    assert data.startswith(path.read_bytes()[:10])


def test_more_members_than_sixteen_bits_count(tmp_path: Path) -> None:
    files = [(f"demo/{number:x}.txt", b"") for number in range(66_000)]
    wheel = b"Wheel-Version: 1.0\nTag: py3-none-any\nRoot-Is-Purelib: true\n"
    files += [(f"{INFO}/METADATA", NEW.replace(b"numpy", b"pandas")), (f"{INFO}/WHEEL", wheel)]
    record = f"{INFO}/RECORD"
    path, target = tmp_path / "demo-1.0-py3-none-any.whl", tmp_path / "new.whl"
    path.write_bytes(zip_bytes([*files, (record, record_text(files, record).encode())]))
    amended(path, target)
    with zipfile.ZipFile(target) as archive:
        assert len(archive.namelist()) == 66_003
        assert archive.read(f"{INFO}/METADATA") == NEW


def test_offsets_beyond_four_gibibytes(tmp_path: Path) -> None:
    """A sparse file with a hole of 4 GiB before the archive: nearly no bytes on the disk."""
    small = make_wheel(tmp_path, "demo", "1.0", files=FILES)
    path = tmp_path / "large" / small.name
    path.parent.mkdir()
    hole = 2**32 + 5
    with path.open("wb") as file:
        file.seek(hole)
        file.write(small.read_bytes())
    with open_wheel(path) as file:
        rewrite = Wheel(file, path.name).rewrite({"METADATA": NEW})
        (first, *_, last) = rewrite.recipe.segments
        assert first == Range(start=0, end=first.size)
        assert isinstance(last, Literal)
        # Without the hole the same members, whose offsets now need 64 bits.
        tail = b"".join(
            joined([Range(start=hole, end=first.size), *rewrite.recipe.segments[1:]]).render(file)
        )
    sparse = tmp_path / "result.whl"
    with sparse.open("wb") as file:
        file.seek(hole)
        file.write(tail)
    with zipfile.ZipFile(sparse) as archive:
        assert archive.testzip() is None
        assert all(info.header_offset >= hole for info in archive.infolist())
        assert archive.read(f"{INFO}/METADATA") == NEW
    assert b"PK\x06\x06" in tail


# --- what is refused ----------------------------------------------------------------------------


def refused(data: bytes, tmp_path: Path, limits: Limits | None = None) -> str:
    path = tmp_path / "demo-1.0-py3-none-any.whl"
    path.write_bytes(data)
    with open_wheel(path) as file, pytest.raises(ArchiveError) as error:
        Wheel(file, path.name, limits=limits or Limits()).rewrite({"METADATA": NEW})
    return str(error.value)


def test_a_member_twice_is_refused(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("demo/__init__.py", b"other")
    assert refused(wheel.read_bytes(), tmp_path) == "holds `demo/__init__.py` more than once"


def test_a_local_header_that_says_something_else_is_refused(wheel: Path, tmp_path: Path) -> None:
    data = wheel.read_bytes().replace(b"demo/data.bin", b"demo/date.bin", 1)
    assert "`demo/data.bin` is described differently" in refused(data, tmp_path)


def test_overlapping_members_are_refused(wheel: Path, tmp_path: Path) -> None:
    data = bytearray(wheel.read_bytes())
    records = [n for n in range(len(data)) if data[n : n + 4] == b"PK\x01\x02"]
    data[records[1] + 42 : records[1] + 46] = data[records[0] + 42 : records[0] + 46]
    assert "overlap" in refused(bytes(data), tmp_path)


def test_what_is_missing_is_named(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as old:
        files = {name: old.read(name) for name in old.namelist()}
    for name in ("METADATA", "WHEEL", "RECORD"):
        kept = [(n, data) for n, data in files.items() if n != f"{INFO}/{name}"]
        assert refused(zip_bytes(kept), tmp_path) == f"has no `{INFO}/{name}`"


def test_a_record_that_is_none_is_refused(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as old:
        kept = [(n, b"a,b" if n.endswith("RECORD") else old.read(n)) for n in old.namelist()]
    assert "RECORD cannot be read: row 1" in refused(zip_bytes(kept), tmp_path)


def test_the_limits_are_those_of_reading(wheel: Path, tmp_path: Path) -> None:
    limits = Limits(members=2)
    path = tmp_path / wheel.name
    with open_wheel(path) as file, pytest.raises(LimitError, match="too many members"):
        Wheel(file, path.name, limits=limits)
    assert "cut off" in refused(wheel.read_bytes()[:-30], tmp_path)


def test_an_incomplete_record_stays_so_and_is_noted(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("demo/unlisted.py", b"")
    rewrite = amended(wheel, tmp_path / "new.whl")
    assert rewrite.notes == (
        "its RECORD did not list 1 member before, `demo/unlisted.py` among them; that stays",
    )


@pytest.mark.parametrize(
    "changes",
    [Changes(dropped=frozenset({"x"})), Changes(renamed={"demo/__init__.py": "demo/data.bin"})],
)
def test_changes_must_make_sense(changes: Changes, wheel: Path) -> None:
    with wheel.open("rb") as file, zipfile.ZipFile(file) as archive:
        present = entries(file, archive)
        with pytest.raises(ValueError, match=r"there is no member|one name"):
            splice(file, archive, present, changes)
