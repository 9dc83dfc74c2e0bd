"""The program that runs inside the sandbox: unpacks an sdist, asks its backend, hands back answers.

`python inside.py JOB DESCRIPTOR`, JOB as JSON: `action`, `archive`, `folder` (where to unpack),
`out`, `python` (the interpreter of the build environment), `environment` (of the hooks). What it
found goes to the descriptor as a tar archive. It imports nothing of trueup: only the standard
library and `build`, whose `ProjectBuilder` speaks with the backend (PEP 517).
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["main"]

_SOURCES = ("pyproject.toml", "setup.py", "setup.cfg", "PKG-INFO")
_MAX_SOURCE = 1024 * 1024
_MAX_SOURCES = 40


def main(arguments: Sequence[str]) -> int:
    """Do one job; returns the exit status."""
    job, descriptor = json.loads(arguments[0]), int(arguments[1])
    tree = _unpack(Path(job["archive"]), Path(job["folder"]))
    found = _look(tree) if job["action"] == "look" else _build(job, tree)
    with (
        os.fdopen(descriptor, "wb") as stream,
        tarfile.open(fileobj=stream, mode="w|") as results,
    ):
        for name, data in found.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            results.addfile(member, io.BytesIO(data))
    return 0


def _unpack(archive: Path, folder: Path) -> Path:
    """The tree of an sdist, or of a folder that was packed with its contents at the top."""
    folder.mkdir(parents=True)
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(folder)  # noqa: S202 - what it may harm is gone afterwards
    else:
        with tarfile.open(archive) as packed:
            # As pip does for sdists (PEP 721), where Python has filters: from 3.11.4 on. The sandbox
            # holds what no filter does.
            filters: dict[str, Any] = {"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}
            packed.extractall(folder, **filters)  # noqa: S202
    inside = [path for path in folder.iterdir() if path.is_dir()]
    if len(inside) == 1 and not any((folder / name).is_file() for name in _SOURCES):
        return inside[0]
    return folder


def _look(tree: Path) -> dict[str, bytes]:
    """The files that say how it is built, and what its backend needs before it can be asked."""
    from build import ProjectBuilder

    builder = ProjectBuilder(tree)
    found = {
        "trueup.json": json.dumps(
            {
                "requires": sorted(builder.build_system_requires),
                "backend": builder._backend,  # build gives it no public name
            }
        ).encode()
    }
    names = [*_SOURCES, *sorted(path.name for path in tree.glob("*.py"))]
    for name in list(dict.fromkeys(names))[:_MAX_SOURCES]:
        path = tree / name
        if path.is_file() and path.stat().st_size <= _MAX_SOURCE:
            found[name] = path.read_bytes()
    return found


def _build(job: Mapping[str, Any], tree: Path) -> dict[str, bytes]:
    from build import ProjectBuilder

    def run(
        cmd: Sequence[str],
        cwd: str | None = None,
        extra_environ: Mapping[str, str] | None = None,
    ) -> None:
        environment = {**os.environ, **job["environment"], **(extra_environ or {})}
        subprocess.check_call(cmd, cwd=cwd, env=environment)  # noqa: S603

    builder = ProjectBuilder(tree, python_executable=job["python"], runner=run)
    match job["action"]:
        case "requires":
            needed = sorted(builder.get_requires_for_build("wheel"))
            return {"trueup.json": json.dumps({"requires": needed}).encode()}
        case "metadata":
            folder = Path(builder.metadata_path(job["out"]))
            return {"METADATA": (folder / "METADATA").read_bytes()}
        case kind:
            built = Path(builder.build(kind, job["out"]))
            return {built.name: built.read_bytes()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
