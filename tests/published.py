"""Files of releases on the configured index, by name: what the live tests and measurements take.

`TRUEUP_WHEELS=FOLDER` keeps what was fetched there and takes it from there the next time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.tags import compatible_tags, cpython_tags, platform_tags
from packaging.utils import canonicalize_name
from packaging.version import Version

from trueup.judge.choice import page_specifiers
from trueup.model.artifact import Artifact, SdistName, WheelName
from trueup.sources.config import index_config
from trueup.sources.index import IndexSource, open_index
from trueup.sources.interpreter import find_interpreters

__all__ = ["Published", "published", "python_or_skip"]


class Published:
    """Releases on an index; files are put into a folder once."""

    def __init__(self, index: IndexSource, folder: Path) -> None:
        self._index = index
        self._folder = folder

    def versions(self, project: str) -> list[Version]:
        """Every version that is no pre-release, newest first."""
        found = self._index.listing(canonicalize_name(project)).by_version()
        return sorted((one for one in found if not one.is_prerelease), reverse=True)

    def wheels(self, wanted: str, minors: Sequence[int]) -> list[Path]:
        """The wheels of one version that each CPython 3.N of this platform would take, if any.

        ``wanted`` is a name, or a name with ``==`` and a version; else it is the newest version
        that has a wheel for the newest of the Pythons for which there is any.
        """
        requirement = Requirement(wanted)
        name = requirement.name
        versions = [one for one in self.versions(name) if one in requirement.specifier]
        for newest in sorted(minors, reverse=True):
            for version in versions:
                if self._chosen(name, version, newest) is not None:
                    found = [self._chosen(name, version, minor) for minor in minors]
                    # One wheel may serve several.
                    each = {one.filename: one for one in found if one is not None}
                    return [self._fetched(one) for one in each.values()]
        raise LookupError(f"{wanted}: there is no wheel for this platform")

    def sdist(self, project: str, version: Version) -> Path:
        """The sdist of a version."""
        (found,) = (
            file
            for file in self._index.listing(canonicalize_name(project)).of_version(version)
            if isinstance(file.name, SdistName)
        )
        return self._fetched(found)

    def _chosen(self, project: str, version: Version, minor: int) -> Artifact | None:
        """The file with the best tag, as `pip` ranks them."""
        files: dict[str, Artifact] = {}
        for file in self._index.listing(canonicalize_name(project)).of_version(version):
            python = page_specifiers(file)
            if isinstance(file.name, WheelName) and (python is None or f"3.{minor}" in python):
                files |= {str(tag): file for tag in file.name.tags}
        platforms = list(platform_tags())
        ranked = chain(
            cpython_tags((3, minor), platforms=platforms),
            compatible_tags((3, minor), f"cp3{minor}", platforms),
        )
        return next((files[str(tag)] for tag in ranked if str(tag) in files), None)

    def _fetched(self, file: Artifact) -> Path:
        path = self._folder / file.filename
        if path.exists():
            with path.open("rb") as kept:
                if hashlib.file_digest(kept, "sha256").hexdigest() == file.hashes.get("sha256"):
                    return path
        return self._index.download(file, self._folder)


@contextmanager
def published(folder: Path) -> Iterator[Published]:
    """What the configured index has; files go into ``folder``, unless TRUEUP_WHEELS names one."""
    kept = Path(os.environ.get("TRUEUP_WHEELS", folder))
    kept.mkdir(parents=True, exist_ok=True)
    with open_index(index_config(environ=os.environ), environ=os.environ) as index:
        yield Published(index, kept)


def python_or_skip(minor: int) -> Path:
    """A CPython 3.N of this machine; skips the test where there is none."""
    for found in find_interpreters(os.environ):
        if found.minor == (3, minor):
            return found.executable
    pytest.skip(f"there is no Python 3.{minor} here")
