"""Versions as they are written."""

from __future__ import annotations

import re

from packaging.version import Version

__all__ = ["written_version"]

_PLAIN = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){0,5}", re.ASCII)


def written_version(text: str) -> str:
    """A version as PEP 440 writes it (``1.0-RC.1`` → ``1.0rc1``); what is none stays as it is."""
    if _PLAIN.fullmatch(text):
        return text
    try:
        return str(Version(text))
    except ValueError:  # InvalidVersion, or more digits than Python converts
        return text
