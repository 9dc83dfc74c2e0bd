"""The versions of the lock that exists already, which the next one keeps where it can."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from packaging.utils import InvalidName, NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from trueup.model.errors import UsageError
from trueup.sources.tomltable import read_toml

__all__ = ["preferred_versions"]


def preferred_versions(path: Path) -> Mapping[NormalizedName, frozenset[Version]]:
    """The versions of each project in a `pylock.toml`; none if there is no such file.

    Only names and versions matter here, so an entry without them, or with ones that mean nothing,
    has none: the lock is about to be replaced. Raises UsageError for a file that is no TOML at all.
    """
    if not path.exists():
        return MappingProxyType({})
    try:
        document, _ = read_toml(path)
    except UsageError as error:
        error.hint = "`--upgrade` locks anew without looking at it"
        raise
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
