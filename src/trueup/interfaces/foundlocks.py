"""The locks of the current project, where the user names none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from packaging.pylock import is_valid_pylock_path

from trueup.model.errors import UsageError

__all__ = ["find_locks"]

_NAMES = ("uv.lock", "poetry.lock", "pdm.lock")
_MAX_BYTES = 64 * 1024 * 1024


def find_locks(start: Path) -> tuple[Path, ...]:
    """All locks of the nearest folder, from ``start`` upward, that has any.

    In a fixed order: `uv.lock`, `poetry.lock`, `pdm.lock`, `pylock*.toml`, `Pipfile.lock`, then
    requirements files that give hashes. The search ends where a repository does. Raises UsageError
    if there is none.
    """
    for folder in (start, *start.parents):
        found = tuple(_locks_in(folder))
        if found:
            return found
        if (folder / ".git").exists():
            break
    raise UsageError(
        "there is no lock here",
        expected="`uv.lock`, `poetry.lock`, `pdm.lock`, `pylock.toml`, `Pipfile.lock` or "
        "`requirements.txt` with hashes",
        hint="name one: `trueup verify path/to/uv.lock`",
        place=(str(start),),
    )


def _locks_in(folder: Path) -> Iterator[Path]:
    named = [folder / name for name in _NAMES]
    yield from (path for path in named if path.is_file())
    yield from (path for path in sorted(folder.glob("pylock*.toml")) if is_valid_pylock_path(path))
    if (folder / "Pipfile.lock").is_file():
        yield folder / "Pipfile.lock"
    yield from (path for path in sorted(folder.glob("requirements*.txt")) if _has_hashes(path))


def _has_hashes(path: Path) -> bool:
    """Whether it pins files and not only versions; one that cannot be read is looked at later."""
    try:
        with path.open("rb") as file:
            return b"--hash=" in file.read(_MAX_BYTES)
    except OSError:
        return False
