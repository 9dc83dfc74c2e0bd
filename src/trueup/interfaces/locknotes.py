"""What a user of `trueup lock` says that has no effect, and may be thought to have one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path

from packaging.utils import canonicalize_name

from trueup.interfaces.lockconfig import LockSettings
from trueup.sources.preferred import locked_commits, preferred_versions, profiles_beside
from trueup.sources.tomltable import read_toml

__all__ = ["unheard_keys", "unheard_projects", "unheard_uv_settings"]

_PROJECT_KEYS = (
    "authors", "classifiers", "dependencies", "description", "dynamic", "entry-points",
    "gui-scripts", "import-names", "import-namespaces", "keywords", "license", "license-files",
    "maintainers", "name", "optional-dependencies", "readme", "requires-python", "scripts", "urls",
    "version",
)  # fmt: skip
"""pyproject.toml specification, "The [project] table" (PEP 621, 639, 794)."""


def unheard_projects(path: Path, projects: Iterable[str]) -> Iterator[str]:
    """Notes on names to upgrade that no lock at ``path`` has: a typing mistake looks like this."""
    files = [file for file in (path, *profiles_beside(path).values()) if file.exists()]
    locked = {name for file in files for name in (*preferred_versions(file), *locked_commits(file))}
    for project in projects:
        if files and canonicalize_name(project) not in locked:
            yield f"`--upgrade-package {project}`: `{path.name}` has no version of it to forget"


def unheard_keys(project: Path) -> Iterator[str]:
    """Notes on keys of a `[project]` that the specification does not have: `dependncies` locks nothing.

    Raises UsageError if the file is no TOML.
    """
    for key in read_toml(project)[0].table("project").values:
        if key not in _PROJECT_KEYS:
            like = get_close_matches(key, _PROJECT_KEYS, n=1)
            meant = f"; did you mean `{like[0]}`?" if like else ""
            yield f"`[project] {key}` is no key of the specification, and has no say{meant}"


def unheard_uv_settings(project: Path, settings: LockSettings) -> Iterator[str]:
    """Notes on what a `pyproject.toml` says to uv alone, and to no `[tool.trueup.lock]`.

    Of what decides which versions uv would lock only sources, indexes and the workspace are read.
    Raises UsageError if the file is no TOML, or `[tool.uv]` no table.
    """
    table = read_toml(project)[0].table("tool").table("uv")
    for uv, own, heard in (
        ("conflicts", "conflicts", settings.conflicts),
        ("constraint-dependencies", "constraints", settings.constraints),
        ("override-dependencies", "overrides", settings.overrides),
        ("exclude-dependencies", "exclude", settings.excluded),
        ("exclude-newer", "exclude-newer", settings.exclude_newer),
    ):
        if table.values.get(uv) and not heard:
            yield (
                f"`[tool.uv] {uv}` has no say here; `[tool.trueup.lock] {own}` would have the same"
            )
