"""What other package managers say they brought: conda's and dpkg's own records, read as files.

Nothing is run. The database of RPM needs its own library, so what it owns is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from trueup.model.installed import InstalledEnvironment

__all__ = ["with_owners"]

_MOST = 64 * 1024 * 1024
_MARKS = (".dist-info/METADATA", ".dist-info/RECORD", ".egg-info/PKG-INFO", ".egg-info")


def with_owners(
    environment: InstalledEnvironment, *, root: Path = Path("/"), prefix: Path | None = None
) -> InstalledEnvironment:
    """The environment, with who brought each distribution.

    dpkg's records are those below ``root``, conda's those of the ``prefix``.
    """
    owned = dict(_dpkg(root, environment.sites))
    if prefix is not None:
        owned |= dict(_conda(prefix))
    if not owned:
        return environment
    return replace(
        environment,
        distributions=tuple(
            replace(one, owner=owned.get(f"{one.site}/{one.folder}"))
            for one in environment.distributions
        ),
    )


def _dpkg(root: Path, sites: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The paths of dist-info and egg-info that a Debian package has, each with the package."""
    folder = root / "var" / "lib" / "dpkg"
    # dpkg owns what is below `/usr`, but for `/usr/local`.
    below = [
        f"/{Path(site).relative_to(root).as_posix()}/"
        for site in sites
        if Path(site).is_relative_to(root)
    ]
    prefixes = tuple(
        text for text in below if text.startswith("/usr/") and not text.startswith("/usr/local/")
    )
    if not prefixes:
        return
    lists = sorted((folder / "info").glob("python*.list")) + sorted(
        (folder / "info").glob("*.list")
    )
    if not lists:
        return
    versions = _dpkg_versions(folder / "status")
    for path in dict.fromkeys(lists):
        name = path.name.removesuffix(".list").partition(":")[0]
        for line in _text(path).splitlines():
            if line.startswith(prefixes) and (place := _folder(line)) is not None:
                yield (
                    str(root / place.lstrip("/")),
                    f"dpkg: {name} {versions.get(name, '')}".strip(),
                )


def _dpkg_versions(status: Path) -> Mapping[str, str]:
    found, name = {}, ""
    for line in _text(status).splitlines():
        if line.startswith("Package: "):
            name = line[9:]
        elif line.startswith("Version: "):
            found[name] = line[9:]
    return found


def _conda(prefix: Path) -> Iterator[tuple[str, str]]:
    """The same of conda's packages: each has a record in `conda-meta`."""
    for path in sorted((prefix / "conda-meta").glob("*.json")):
        try:
            found = json.loads(_text(path) or "{}")
            title = f"conda: {found['name']} {found['version']} {found.get('build', '')}".strip()
            files = [str(name) for name in found.get("files", ())]
        except (ValueError, KeyError, TypeError):
            continue
        for name in files:
            if (place := _folder(name)) is not None:
                yield str(prefix / place), title


def _folder(path: str) -> str | None:
    """The folder or file of a distribution that a path of it names."""
    for mark in _MARKS:
        if path.endswith(mark):
            return path if mark == ".egg-info" else path.rpartition("/")[0]
    return None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST:
            return ""
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
