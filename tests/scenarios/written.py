"""Locks written by hand, for tests: entries from a few words, as `pylock.toml`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

__all__ = ["Entry", "entry", "write_lock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry: ``files`` are names of files in the scenario's folder."""

    name: str
    version: str
    files: tuple[str, ...]
    marker: str | None = None


def entry(what: str, *tags: str, marker: str | None = None, sdist: bool = False) -> Entry:
    """``entry("demo 1.0", "cp312-cp312-win_amd64", marker=…)``; no tag means `py3-none-any`."""
    name, version = what.split()
    stem = f"{name.replace('-', '_')}-{version}"
    wheels = [f"{stem}-{tag}.whl" for tag in tags or (() if sdist else ("py3-none-any",))]
    return Entry(
        name=name,
        version=version,
        files=(*wheels, *([f"{stem}.tar.gz"] if sdist else [])),
        marker=marker,
    )


def write_lock(
    path: Path, files: Path, entries: Sequence[Entry], *, environments: Sequence[str] = ()
) -> Path:
    """Write the entries as a lock, with the real digests of the files in the folder ``files``."""
    document: dict[str, Any] = {"lock-version": "1.0", "created-by": "a test"}
    if environments:
        document["environments"] = list(environments)
    document["packages"] = [_package(item, files) for item in entries]
    path.write_text(tomli_w.dumps(document), "utf-8")
    return path


def _package(item: Entry, files: Path) -> dict[str, Any]:
    package: dict[str, Any] = {"name": item.name, "version": item.version}
    if item.marker is not None:
        package["marker"] = item.marker
    listed = [_listed(files / name) for name in item.files]
    wheels = [file for file in listed if file["name"].endswith(".whl")]
    sdists = [file for file in listed if not file["name"].endswith(".whl")]
    if wheels:
        package["wheels"] = wheels
    if sdists:
        (package["sdist"],) = sdists
    return package


def _listed(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"name": path.name, "path": path.as_posix(), "hashes": {"sha256": digest}}
