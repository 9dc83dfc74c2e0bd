"""Real Git repositories for tests, made with the real `git`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

__all__ = ["ENVIRON", "GitRepository", "project"]

ENVIRON = {
    "PATH": os.environ.get("PATH", ""),
    "HOME": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_NAME": "Somebody" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "somebody@example.test" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_DATE": "2026-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")},
}


class GitRepository:
    """A repository in a folder, on its branch `main`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    @property
    def url(self) -> str:
        """Its address, as a requirement writes it."""
        return f"git+{self.folder.as_uri()}"

    def git(self, *arguments: str) -> str:
        """Run `git` in it; returns what it prints."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=ENVIRON,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, files: Mapping[str, str | bytes], *, branch: str | None = None) -> str:
        """Commit these files besides those that are there; returns the commit."""
        if branch is not None:
            self.git("checkout", "--quiet", "-B", branch)
        for name, data in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=more")
        return self.git("rev-parse", "HEAD")


def project(name: str, *requires: str, more: str = "", version: str = "1.0") -> str:
    """The text of a `pyproject.toml` of a project that builds without any requirement."""
    lines = "".join(f"{line!r}, " for line in requires)
    return (
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = [{lines}]\n{more}'
    )
