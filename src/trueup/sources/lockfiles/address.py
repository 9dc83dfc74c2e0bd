"""Files that a lock names by their address or path, rather than by an index."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.utils import NormalizedName

from trueup.model.artifact import Artifact, has_artifact_suffix, parse_filename
from trueup.sources.lockfiles.values import parse_digest

__all__ = ["archive_at", "is_archive", "last_part", "repository", "url_of"]


def url_of(address: str, folder: Path) -> str:
    """An address as it is; a path, relative to ``folder``, as an address of scheme `file`."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", address):
        return address
    return (folder / address).absolute().as_uri()


def repository(system: str, address: str) -> str:
    """Where a repository is: its address, after ``hg+`` and the like for what is no Git one."""
    address = address.removeprefix(f"{system}+")
    return address if system == "git" else f"{system}+{address}"


def last_part(address: str) -> str | None:
    """The file name that an address or a path of any system ends in, None if it ends in none."""
    if "://" not in address:
        return re.split(r"[/\\]", address)[-1] or None
    try:
        return unquote(urlsplit(address).path.rpartition("/")[2]) or None
    except ValueError:  # brackets that hold no address
        return None


def is_archive(address: str) -> bool:
    """Whether an address ends in a file that can be installed, and so is no folder."""
    return has_artifact_suffix(last_part(address.partition("#")[0]) or "")


def archive_at(
    address: str, *, folder: Path, project: NormalizedName, digests: Collection[str] = ()
) -> Artifact | None:
    """The file at an address, None if the address ends in no file name.

    Its hash is the one of the fragment (``#sha256=…``, as pip writes and reads it), else that of
    ``digests``, of an algorithm that they name once: of several, any may be meant.
    """
    bare, _, fragment = address.partition("#")
    filename = last_part(bare)
    if filename is None:
        return None
    hashes: dict[str, str] = {}
    for part in fragment.split("&"):
        with suppress(ValueError):  # other parts say `egg=` or `subdirectory=`
            algorithm, digits = parse_digest(part.replace("=", ":", 1))
            hashes[algorithm] = digits
    if not hashes:
        named = [digest.partition(":")[0] for digest in digests]
        for digest in digests:
            algorithm, _, digits = digest.partition(":")
            if named.count(algorithm) == 1:
                hashes[algorithm] = digits
    return Artifact(
        filename=filename,
        url=url_of(bare, folder),
        name=parse_filename(filename, project),
        hashes=hashes,
    )
