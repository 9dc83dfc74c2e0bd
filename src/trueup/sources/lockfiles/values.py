"""Values that every lock writes alike: names, versions, markers, hashes, and how they are shown."""

from __future__ import annotations

import re
from functools import lru_cache

from packaging.markers import Marker as PackagingMarker
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from trueup.model.marker import Marker, parse_marker

__all__ = [
    "conflict_hint",
    "parse_digest",
    "parse_environment",
    "parse_name",
    "parse_version",
    "shown",
]


def conflict_hint(text: str) -> str | None:
    """What to do with a file in which a merge left both sides; None if it did not."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("<<<<<<< "):
            return f"at line {number} a merge conflict begins: keep one side, then lock again"
    return None


@lru_cache(maxsize=65536)
def parse_name(text: str) -> NormalizedName:
    """The normal form of the name of a project, an extra or a group; ValueError if it is none."""
    try:
        return canonicalize_name(text, validate=True)
    except ValueError:
        raise ValueError from None  # `packaging` only repeats the name


@lru_cache(maxsize=65536)
def parse_version(text: str) -> Version:
    """A version (PEP 440); ValueError, without a reason of its own, if it is none."""
    try:
        return Version(text)
    except ValueError:
        raise ValueError from None


def parse_environment(text: str) -> Marker:
    """A marker over environments alone; ValueError, with the reason, if it is none."""
    return parse_marker(PackagingMarker(text))


_CREDENTIALS = re.compile(r"://[^/\s'\"]*@")
_DIGITS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}


def parse_digest(text: str) -> tuple[str, str]:
    """A hash written ``sha256:…``: the algorithm and its hexadecimal digits, in lower case.

    Raises ValueError, with the reason, if it is not written so or has not as many digits as the
    algorithm gives.
    """
    algorithm, colon, digits = text.strip().lower().partition(":")
    if not colon or not re.fullmatch(r"[a-z0-9_-]+", algorithm):
        raise ValueError("names no algorithm")
    if not re.fullmatch(r"[0-9a-f]+", digits):
        raise ValueError("is not hexadecimal")
    wanted = _DIGITS.get(algorithm, len(digits))
    if len(digits) != wanted:
        raise ValueError(f"has {len(digits)} digits, not {wanted}")
    return algorithm, digits


def shown(value: object) -> str:
    """A value for a message: short, on one line, without credentials."""
    if value is None:
        return "nothing"
    text = _CREDENTIALS.sub("://****@", repr(value))
    return f"`{text[:57]}...`" if len(text) > 60 else f"`{text}`"
