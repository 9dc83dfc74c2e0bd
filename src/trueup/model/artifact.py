"""One file of a release, as an index page or a folder lists it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from math import prod
from types import MappingProxyType

from packaging.tags import Tag
from packaging.utils import (
    BuildTag,
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

__all__ = [
    "Artifact",
    "OtherName",
    "SdistName",
    "WheelName",
    "has_artifact_suffix",
    "parse_filename",
]

_NO_HASHES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelName:
    """A wheel's file name, taken apart (binary distribution format, "File name convention")."""

    project: NormalizedName
    version: Version
    build: BuildTag
    tags: frozenset[Tag]
    variant: str | None = None
    """The variant label of PEP 825, or None for an ordinary wheel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SdistName:
    """An sdist's file name, taken apart (PEP 625, and the older forms it replaced)."""

    project: NormalizedName
    version: Version


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherName:
    """A file that is listed and not judged: an egg, an installer, or a name that means nothing."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One file of a release, with what its listing says about it.

    ``index_requires_python`` is None where the listing shows none; ``yanked`` is None for a file
    that is not yanked and the reason (possibly empty) for one that is (PEP 592);
    ``core_metadata`` is None where no sidecar is advertised and otherwise its hashes, possibly
    none (PEP 658, PEP 714). ``provenance`` is where attestations of a content are (PEP 740), by its
    sha256: what is made of the file is another content, and not attested. ``size`` is in bytes.
    """

    filename: str
    url: str
    name: WheelName | SdistName | OtherName
    size: int | None = None
    hashes: Mapping[str, str] = field(default_factory=lambda: _NO_HASHES)
    upload_time: datetime | None = None
    index_requires_python: str | None = None
    yanked: str | None = None
    core_metadata: Mapping[str, str] | None = None
    provenance: Mapping[str, str] = field(default_factory=lambda: _NO_HASHES)

    @property
    def is_wheel(self) -> bool:
        return isinstance(self.name, WheelName)

    @property
    def is_sdist(self) -> bool:
        return isinstance(self.name, SdistName)


_MAX_TAGS = 5_000
"""Real file names stand for up to some hundred tags."""
_SDIST_SUFFIXES = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar.Z", ".tar")
_LISTED_SUFFIXES = {
    ".egg": "eggs are no longer installed by any installer",
    ".exe": "a Windows installer",
    ".msi": "a Windows installer",
    ".rpm": "an RPM package",
    ".deb": "a Debian package",
    ".dmg": "a macOS disk image",
}


def has_artifact_suffix(filename: str) -> bool:
    """Whether a file of that name is meant to be an artifact of some kind, well named or not."""
    return filename.endswith((".whl", *_SDIST_SUFFIXES, *_LISTED_SUFFIXES))


@lru_cache(maxsize=65536)
def parse_filename(filename: str, project: str | None = None) -> WheelName | SdistName | OtherName:
    """Tell what a file is from its name alone.

    ``project`` resolves what a legacy sdist name leaves open (``a-b-1.0-2.tar.gz``).
    """
    if filename.endswith(".whl"):
        try:
            return _wheel_name(filename)
        except ValueError as error:  # or a number of more digits than Python converts
            return OtherName(reason=f"not a wheel file name: {error}")
    for suffix in _SDIST_SUFFIXES:
        if filename.endswith(suffix):
            return _sdist_name(filename, suffix, project)
    for suffix, reason in _LISTED_SUFFIXES.items():
        if filename.endswith(suffix):
            return OtherName(reason=reason)
    return OtherName(reason="neither a wheel nor an sdist")


def _wheel_name(filename: str) -> WheelName:
    parts = filename.removesuffix(".whl").split("-")
    variant = None
    # PEP 825, "Wheel file name": the label is the last component. Six components are ambiguous
    # between a build tag and a label; a build tag must start with a digit, a Python tag never does.
    if len(parts) == 7 or (len(parts) == 6 and not parts[2][:1].isdigit()):
        variant = parts.pop()
        if not re.fullmatch(r"[0-9a-z._]{1,16}", variant):
            raise InvalidWheelFilename(f"invalid variant label {variant!r}")
        filename = "-".join(parts) + ".whl"
    # A compressed tag set stands for a product: a kilobyte can name a million tags (PEP 425).
    count = prod(part.count(".") + 1 for part in parts[-3:])
    if count > _MAX_TAGS:
        raise InvalidWheelFilename(f"stands for {count} tags, more than {_MAX_TAGS}")
    name, version, build, tags = parse_wheel_filename(filename)
    return WheelName(project=name, version=version, build=build, tags=tags, variant=variant)


def _sdist_name(filename: str, suffix: str, project: str | None) -> SdistName | OtherName:
    stem = filename.removesuffix(suffix)
    if project is not None:
        # Before PEP 625 both the name and the version could contain hyphens: try every split.
        wanted = canonicalize_name(project)
        for match in re.finditer("-", stem):
            name, version = stem[: match.start()], stem[match.end() :]
            if canonicalize_name(name) == wanted:
                try:
                    return SdistName(project=wanted, version=Version(version))
                except ValueError:
                    continue
    try:
        name, parsed = parse_sdist_filename(stem + ".tar.gz")
    except ValueError as error:
        return OtherName(reason=f"not an sdist file name: {error}")
    return SdistName(project=name, version=parsed)
