"""What the next lock keeps of the one that exists already: versions where it can, and targets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from glob import escape
from pathlib import Path
from types import MappingProxyType
from typing import Any

from packaging.utils import InvalidName, NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from trueup.model.condition import Condition, parse_condition
from trueup.model.errors import UsageError
from trueup.model.lock import Place, PlaceKind
from trueup.model.target import PROFILES, parse_targets
from trueup.sources.lockfiles.values import conflict_hint
from trueup.sources.tomltable import TomlTable, read_toml

__all__ = [
    "locked_commits",
    "preferred_versions",
    "profile_path",
    "profiles_beside",
    "recorded_targets",
]


_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def preferred_versions(
    path: Path,
) -> Mapping[NormalizedName, Mapping[Version, tuple[Condition, ...]]]:
    """The versions of each project in a `pylock.toml`, and where each is installed.

    None if there is no such file. Only names, versions and markers matter here, so an entry without
    them, or with ones that mean nothing, has none: the lock is about to be replaced. Raises
    UsageError for a file that is no TOML at all.
    """
    found: dict[NormalizedName, dict[Version, tuple[Condition, ...]]] = {}
    for name, entry in _packages(path):
        with suppress(InvalidVersion):
            version = Version(str(entry.get("version")))
            versions = found.setdefault(name, {})
            versions[version] = (*versions.get(version, ()), *_conditions(entry))
    return MappingProxyType(found)


def _conditions(entry: Mapping[str, Any]) -> Iterator[Condition]:
    """The marker of an entry; none for one that cannot be read."""
    marker = entry.get("marker", "")
    with suppress(ValueError):
        if isinstance(marker, str):
            yield parse_condition(marker)


def locked_commits(path: Path) -> Mapping[NormalizedName, Place]:
    """The places in Git repositories that a `pylock.toml` locks; none if there is no such file.

    Of an entry that makes no sense there is none. Raises UsageError for a file that is no TOML.
    """
    found: dict[NormalizedName, Place] = {}
    for name, entry in _packages(path):
        vcs = entry.get("vcs")
        if not isinstance(vcs, dict) or vcs.get("type") != "git":
            continue
        url, where, commit = (vcs.get(key) for key in ("url", "path", "commit-id"))
        requested = vcs.get("requested-revision")
        if isinstance(where, str) and url is None:
            url = Path(os.path.normpath(path.parent.absolute() / where)).as_uri()
        if isinstance(url, str) and isinstance(commit, str) and _COMMIT.fullmatch(commit):
            found[name] = Place(
                kind=PlaceKind.VCS,
                location=url,
                revision=commit,
                requested=requested if isinstance(requested, str) else None,
            )
    return MappingProxyType(found)


def _packages(path: Path) -> Iterator[tuple[NormalizedName, Mapping[str, Any]]]:
    """The entries of a lock that have a name."""
    if not path.exists():
        return
    packages = _present(path).values.get("packages", [])
    for entry in packages if isinstance(packages, list) else []:
        if isinstance(entry, dict):
            with suppress(InvalidName):
                yield canonicalize_name(str(entry.get("name")), validate=True), entry


def recorded_targets(path: Path) -> tuple[str, ...]:
    """The targets that `trueup lock` recorded in a lock, and in its profiles beside it.

    Empty if there is no such file, or another tool wrote it. Raises UsageError for a file that is
    no TOML at all.
    """
    found: dict[str, None] = {}
    for file in (path, *profiles_beside(path).values()):
        if not file.is_file():
            continue
        values = _present(file).values
        tool = values.get("tool")
        own = tool.get("trueup") if isinstance(tool, dict) else None
        targets = own.get("targets") if isinstance(own, dict) else None
        found.update((text, None) for text in targets or () if isinstance(text, str))
    return tuple(found)


def profile_path(path: Path, profile: str) -> Path:
    """The file of a profile: `pylock.toml` → `pylock.musl.toml`; of the usual one, ``path`` itself.

    Between the dots there is one name (PEP 751, "File Name"): `pylock.dev.toml` has its profiles in
    `pylock.dev-musl.toml`.
    """
    stem = path.name.removesuffix(".toml")
    return path.with_name(f"{stem}{'-' if '.' in stem else '.'}{profile}.toml") if profile else path


def profiles_beside(path: Path) -> Mapping[str, Path]:
    """The locks of the profiles of a lock, by name, that stand beside it.

    `pylock.docs.toml` is none of `pylock.toml`, but a lock of its own.
    """
    start, end = profile_path(path, "*").name.split("*")
    found = {}
    for file in sorted(path.parent.glob(f"{escape(start)}*{end}")):
        name = file.name.removeprefix(start).removesuffix(end)
        if name in PROFILES or _is_target(name):
            found[name] = file
    return MappingProxyType(found)


def _is_target(name: str) -> bool:
    """Whether a profile can have this name, which is a target with `_` for the dot of its floor."""
    text = re.sub(r"_(\d+)$", r".\1", name)
    try:
        return [str(target) for target in parse_targets(text)] == [text]
    except UsageError:
        return False


def _present(path: Path) -> TomlTable:
    try:
        return read_toml(path)[0]
    except UsageError as error:
        error.hint = "`--upgrade` locks anew without looking at it"
        with suppress(OSError, UnicodeDecodeError):
            conflict = conflict_hint(path.read_text(encoding="utf-8"))
            error.hint = f"{conflict}; {error.hint}" if conflict else error.hint
        raise
