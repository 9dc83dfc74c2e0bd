"""What the next lock keeps of the one that exists already: versions where it can, and targets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from packaging.utils import InvalidName, NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from trueup.model.errors import UsageError
from trueup.sources.tomltable import TomlTable, read_toml

__all__ = ["preferred_versions", "recorded_targets"]


def preferred_versions(path: Path) -> Mapping[NormalizedName, frozenset[Version]]:
    """The versions of each project in a `pylock.toml`; none if there is no such file.

    Only names and versions matter here, so an entry without them, or with ones that mean nothing,
    has none: the lock is about to be replaced. Raises UsageError for a file that is no TOML at all.
    """
    if not path.exists():
        return MappingProxyType({})
    document = _present(path)
    packages = document.values.get("packages", [])
    found: dict[NormalizedName, set[Version]] = {}
    for entry in packages if isinstance(packages, list) else []:
        if isinstance(entry, dict):
            try:
                name = canonicalize_name(str(entry.get("name")), validate=True)
                version = Version(str(entry.get("version")))
            except (InvalidName, InvalidVersion):
                continue
            found.setdefault(name, set()).add(version)
    return MappingProxyType({name: frozenset(versions) for name, versions in found.items()})


def recorded_targets(path: Path) -> tuple[str, ...]:
    """The targets that `trueup lock` recorded in a lock, and in its profiles beside it.

    A profile stands in a file of its own (`pylock.musl.toml` beside `pylock.toml`). Empty if there
    is no such file, or another tool wrote it. Raises UsageError for a file that is no TOML at all.
    """
    found: dict[str, None] = {}
    for file in (path, *sorted(path.parent.glob(f"{path.name.removesuffix('.toml')}.*.toml"))):
        if not file.is_file():
            continue
        values = _present(file).values
        tool = values.get("tool")
        own = tool.get("trueup") if isinstance(tool, dict) else None
        targets = own.get("targets") if isinstance(own, dict) else None
        found.update((text, None) for text in targets or () if isinstance(text, str))
    return tuple(found)


def _present(path: Path) -> TomlTable:
    try:
        return read_toml(path)[0]
    except UsageError as error:
        error.hint = "`--upgrade` locks anew without looking at it"
        raise
