"""Reading a lock of any format, told by what is in the file rather than by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from packaging.pylock import is_valid_pylock_path

from trueup.model.errors import UsageError
from trueup.model.lock import Lock
from trueup.sources.lockfiles.document import (
    LockDocument,
    json_document,
    text_reader,
    toml_document,
)
from trueup.sources.lockfiles.pdm import read_pdm
from trueup.sources.lockfiles.pipfile import read_pipfile_lock
from trueup.sources.lockfiles.poetry import read_poetry
from trueup.sources.lockfiles.pylock import read_pylock
from trueup.sources.lockfiles.requirements import read_requirements_lock
from trueup.sources.lockfiles.uv import read_uv

__all__ = ["is_requirements", "read_document", "read_lock"]


def read_lock(
    path: Path, *, environ: Mapping[str, str] | None = None, project: Path | None = None
) -> Lock:
    """Read a lock: of uv, Poetry, PDM or Pipenv, `pylock.toml` or a requirements file.

    ``environ`` expands ``${NAME}`` in addresses where the tool that wrote the lock does;
    ``project`` is the folder where the project's own files are looked for (the lock's, if None).
    What the format does not allow is in ``faults``, and the rest is read. Raises NotFoundError for
    a missing file, LimitError for one that is too large, SourceError, with the line, for one that
    is neither TOML nor JSON nor requirements, or is no list of packages, and UsageError for a
    document of another kind.
    """
    environ = environ if environ is not None else {}
    project = project if project is not None else path.parent
    read = text_reader()
    text = read(path)
    if is_requirements(path, text):
        # The text that was read already, so that it counts once.
        return read_requirements_lock(
            path, read=lambda file: text if file == path else read(file), environ=environ
        )
    return read_document(path, text, environ=environ, project=project)


def read_document(path: Path, text: str, *, environ: Mapping[str, str], project: Path) -> Lock:
    """Read the text of a lock that is no requirements file, as :func:`read_lock` does."""
    if _is_json(path, text):
        document = json_document(str(path), text)
        return read_pipfile_lock(document, project=project, environ=environ)
    document = toml_document(str(path), text)
    return _reader(path, document)(document, project=project, environ=environ)


def is_requirements(path: Path, text: str) -> bool:
    """Whether the text of a file is a requirements file, rather than TOML or JSON.

    Its name leaves a choice unless it ends in `.toml` or `.json`, or is that of a tool's lock: a
    requirements file may be called `requirements.lock`.
    """
    return not _is_json(path, text) and not _is_toml(path, text)


class _Reader(Protocol):
    def __call__(
        self, document: LockDocument, *, project: Path, environ: Mapping[str, str]
    ) -> Lock: ...


def _reader(path: Path, document: LockDocument) -> _Reader:
    """The reader of a TOML lock's format, by keys that only this format has."""
    values = document.values
    if "lock-version" in values or (is_valid_pylock_path(path) and "packages" in values):
        return read_pylock
    metadata = values.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    if "lock-version" in metadata or "content-hash" in metadata:
        return read_poetry
    if "lock_version" in metadata:
        return read_pdm
    if isinstance(values.get("version"), int):
        return read_uv
    raise UsageError(
        "is no lock that is understood",
        expected="a `uv.lock`, `poetry.lock`, `pdm.lock`, `pylock.toml`, `Pipfile.lock` or a "
        "requirements file",
        hint="a requirements file must not end in `.toml` or `.json`",
        place=(str(path),),
    )


_TOML_NAMES = ("uv.lock", "poetry.lock", "pdm.lock")
_TOML_LINE = re.compile(r"[ \t]*(?:\[\[?[^\]]+\]|[\w\"'.-]+[ \t]*=(?!=))")


def _is_json(path: Path, text: str) -> bool:
    """Whether a file is meant to be JSON, by its name or by its first character."""
    return path.suffix == ".json" or path.name == "Pipfile.lock" or text.lstrip()[:1] == "{"


def _is_toml(path: Path, text: str) -> bool:
    """By name where that leaves no choice, else by the first line that is no comment."""
    if path.suffix == ".toml" or path.name in _TOML_NAMES:
        return True
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            return not line.lstrip().startswith("-") and _TOML_LINE.match(line) is not None
    return path.suffix == ".lock"
