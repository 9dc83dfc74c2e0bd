"""The members of a workspace: the folders whose projects are locked together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trueup.model.errors import TrueupError, UsageError
from trueup.sources.project import ProjectFile, read_project
from trueup.sources.tomltable import read_toml
from trueup.sources.uvsources import uv_workspace

__all__ = ["WorkspaceFolder", "find_workspace", "relative_to"]

_GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceFolder:
    """Where the members of a workspace are: patterns, relative to ``folder``."""

    folder: Path
    members: tuple[str, ...]
    exclude: tuple[str, ...] = ()

    def folders(self) -> tuple[Path, ...]:
        """The folders of all members, in the order of the patterns, each once.

        Folders without a `pyproject.toml` are passed over where a pattern finds them. Raises
        UsageError where one is named, and for patterns that make no sense.
        """
        left_out = {path for text in self.exclude for path in self._matches(text)}
        found: dict[Path, None] = {}
        for text in self.members:
            matches = [path for path in self._matches(text) if (path / "pyproject.toml").is_file()]
            if not matches and not _GLOB & set(text):
                raise UsageError(
                    "a member of the workspace is missing",
                    found=f"no `{text}/pyproject.toml` in `{self.folder}`",
                    expected="a folder of a project",
                    place=(str(self.folder / "pyproject.toml"),),
                )
            found.update(dict.fromkeys(matches))
        return tuple(path for path in found if path not in left_out)

    def projects(self, shown: Path) -> Iterator[ProjectFile]:
        """The projects of all members; messages name their files relative to ``shown``."""
        for folder in self.folders():
            path = folder / "pyproject.toml"
            yield read_project(path, shown=relative_to(path, shown))

    def _matches(self, pattern: str) -> list[Path]:
        if not pattern or Path(pattern).is_absolute():
            raise self._refused(pattern)
        if not _GLOB & set(pattern):
            found = [self.folder / pattern]
        else:
            try:
                found = list(self.folder.glob(pattern))
            except (ValueError, NotImplementedError, IndexError) as error:
                raise self._refused(pattern) from error
        return sorted({Path(os.path.normpath(path)) for path in found if path.is_dir()})

    def _refused(self, pattern: str) -> UsageError:
        return UsageError(
            "the members of the workspace",
            found=f"`{pattern}`",
            expected="relative folders, as patterns such as `libs/*`",
            place=(str(self.folder / "pyproject.toml"),),
        )


def find_workspace(folder: Path, *, top: Path | None = None) -> WorkspaceFolder | None:
    """The uv workspace that a folder is the root or a member of, None if there is none.

    It is looked for up to the folder ``top`` (None: to the root of the file system).
    """
    for root in (folder, *folder.parents):
        if top is not None and not root.is_relative_to(top):
            break
        path = root / "pyproject.toml"
        if not path.is_file():
            continue
        document, _ = read_toml(path)
        try:
            patterns = uv_workspace(document)
        except TrueupError as error:
            error.within(str(path))
            raise
        if patterns is not None:
            found = WorkspaceFolder(folder=root, members=patterns[0], exclude=patterns[1])
            return found if folder in (root, *found.folders()) else None
    return None


def relative_to(path: Path, folder: Path) -> str:
    """The path as it is written in a folder's files, with slashes."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # Another drive.
        return path.as_posix()
