"""The Pythons of this machine that can build."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trueup.model.errors import SourceError

__all__ = ["OLDEST", "Interpreter", "find_interpreters", "inspect"]

OLDEST = (3, 10)
"""pip, which fills the build environments, runs on no older one."""

_ASK = (
    "import json, sys; print(json.dumps([sys.version_info[:2], sys.base_prefix, "
    "sys.implementation.name, sys.version.split()[0]]))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python: its program, the folder that holds it and its library, its version in full."""

    executable: Path
    prefix: Path
    minor: tuple[int, int]
    version: str

    @property
    def label(self) -> str:
        return f"{self.minor[0]}.{self.minor[1]}"


def inspect(executable: Path) -> Interpreter:
    """Ask a Python what it is; raises SourceError if it does not answer or is no CPython."""
    try:
        answer = subprocess.run(  # noqa: S603 - an interpreter of the user's own
            [executable, "-I", "-S", "-c", _ASK],
            capture_output=True,
            timeout=30,
            check=True,
            cwd="/",
        ).stdout
        minor, prefix, name, version = json.loads(answer)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise SourceError("is no Python that runs", place=(str(executable),)) from error
    if name != "cpython":
        raise SourceError("is not CPython", found=f"`{name}`", place=(str(executable),))
    return Interpreter(
        executable=executable.resolve(),
        prefix=Path(prefix),
        minor=(int(minor[0]), int(minor[1])),
        version=str(version),
    )


def find_interpreters(environ: Mapping[str, str]) -> tuple[Interpreter, ...]:
    """One Python for each minor version from OLDEST on, newest last; those on `PATH` first."""
    found: dict[tuple[int, int], Interpreter] = {}
    for path in _candidates(environ):
        try:
            interpreter = inspect(path)
        except SourceError:
            continue  # a shim for a version that is not installed
        if interpreter.minor >= OLDEST:
            found.setdefault(interpreter.minor, interpreter)
    return tuple(found[minor] for minor in sorted(found))


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    for folder in environ.get("PATH", "").split(os.pathsep):
        # A shim of pyenv answers for whatever version is selected; the versions come below.
        if folder and not folder.endswith("/shims") and Path(folder).is_dir():
            yield from sorted(
                path for path in Path(folder).iterdir() if re.fullmatch(r"python3\.\d+", path.name)
            )
    root = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "/"), ".pyenv"))
    yield from sorted((root / "versions").glob("3.*/bin/python3"))
