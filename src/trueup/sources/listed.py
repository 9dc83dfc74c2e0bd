"""Files as a page lists them, before they are looked at: a page has thousands, few are wanted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import msgspec
from packaging.utils import NormalizedName, canonicalize_name

from trueup.model.artifact import Artifact, OtherName, parse_filename
from trueup.model.version import parse_version
from trueup.sources.source import KeptFiles, Listing

__all__ = ["ListedFile", "ListedFiles", "version_text"]

# The names of nearly all wheels: what `parse_filename` takes apart without an objection if the
# version is one. At most 9 × 9 × 9 tags.
_TAGS = r"[a-z][a-z0-9_]{0,63}(?:\.[a-z][a-z0-9_]{0,63}){0,8}"
_PLAIN_WHEEL = re.compile(
    r"[A-Za-z0-9]+(?:[._][A-Za-z0-9]+)*-([0-9][0-9a-z.+]*)(?:-[0-9]{1,9}[a-z_]*)?"
    rf"-{_TAGS}-{_TAGS}-{_TAGS}\.whl"
)


class ListedFile(msgspec.Struct, array_like=True):
    """A file as a page lists it, its links and texts already checked; see Artifact.

    ``version`` is None for what is neither a wheel nor an sdist.
    """

    filename: str
    version: str | None
    url: str
    size: int | None
    hashes: dict[str, str]
    upload_time: datetime | None
    requires_python: str | None
    yanked: str | None
    core_metadata: dict[str, str] | None
    provenance: str | None = None

    def artifact(self, project: NormalizedName) -> Artifact:
        """The file with its name taken apart."""
        sha256 = self.hashes.get("sha256")
        attested = {sha256: self.provenance} if sha256 and self.provenance else {}
        return Artifact(
            filename=self.filename,
            url=self.url,
            name=parse_filename(self.filename, project),
            size=self.size,
            hashes=self.hashes,
            upload_time=self.upload_time,
            index_requires_python=self.requires_python,
            yanked=self.yanked,
            core_metadata=self.core_metadata,
            provenance=attested,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFiles:
    """What a page says; ``origin`` is its address, ``status`` the project's marker (PEP 792)."""

    files: Sequence[ListedFile]
    origin: str
    status: str | None
    advertises: bool

    def listing(self, project: NormalizedName) -> Listing:
        """The page as a listing, whose files are made when they are looked at."""
        files = self.files
        return Listing(
            project=project,
            files=KeptFiles(
                [file.version for file in files], lambda number: files[number].artifact(project)
            ),
            origin=self.origin,
            status=self.status,
            advertises=self.advertises,
        )


def version_text(filename: str, project: NormalizedName) -> str | None:
    """The version in the name of a file, in canonical form; None if it is no wheel or sdist.

    The version of :func:`~trueup.model.artifact.parse_filename`, without the rest of the name
    where the name is of the usual form.
    """
    plain = _PLAIN_WHEEL.fullmatch(filename)
    if plain is not None:
        return _canonical(plain[1])
    length = len(project)
    if (
        filename.endswith(".tar.gz")
        and filename[length : length + 1] == "-"
        and _names(filename[:length], project)
    ):
        # No shorter part can stand for the project, so this is the first split that is tried.
        version = _canonical(filename[length + 1 : -7])
        if version is not None:
            return version
    name = parse_filename(filename, project)
    return None if isinstance(name, OtherName) else str(name.version)


@lru_cache(maxsize=65536)
def _canonical(text: str) -> str | None:
    version = parse_version(text)
    return None if version is None else str(version)


@lru_cache(maxsize=4096)
def _names(text: str, project: NormalizedName) -> bool:
    return text.isascii() and canonicalize_name(text) == project
