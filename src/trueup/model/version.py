"""Versions as they are written."""

from __future__ import annotations

import re

from packaging.version import Version

__all__ = ["parse_version", "written_version"]

_PLAIN = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){0,5}", re.ASCII)


def parse_version(text: str) -> Version | None:
    """The version that a text is (PEP 440); None if it is none."""
    try:
        return Version(text)
    except ValueError:  # InvalidVersion, or more digits than Python converts
        return None


def written_version(text: str) -> str:
    """A version as PEP 440 writes it (``1.0-RC.1`` → ``1.0rc1``); what is none stays as it is."""
    if _PLAIN.fullmatch(text):
        return text
    version = parse_version(text)
    return text if version is None else str(version)
