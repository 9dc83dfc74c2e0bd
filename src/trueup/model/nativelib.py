"""What `nativelib.json` in a dist-info folder says: libraries that are brought, and those expected.

A version pin says which distribution, not which bytes; this says which bytes, so that an installed
environment can be compared with what its wheels were made against.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FILENAME", "SCHEMA", "Expected", "NativeLib", "Provided"]

FILENAME = "nativelib.json"
SCHEMA = "trueup.nativelib/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provided:
    """A library that this distribution brings, for others.

    ``path`` is relative to site-packages; ``surface`` and ``core`` are digests (see
    :mod:`trueup.judge.surface` and :class:`~trueup.model.library.Image`); ``says`` are its
    compiled-in witnesses, ``level`` the evidence on which a shared copy stands for others.
    """

    path: str
    name: str | None
    sha256: str
    size: int
    build_id: str | None = None
    surface: str | None = None
    core: str | None = None
    says: tuple[str, ...] = ()
    level: str | None = None
    abi: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A library that this distribution was made against, to the byte.

    ``symbols`` are those that its files take from it.
    """

    project: str
    version: str
    path: str
    name: str | None
    sha256: str
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeLib:
    """One `nativelib.json`; ``tool`` wrote it."""

    provides: tuple[Provided, ...] = ()
    expects: tuple[Expected, ...] = ()
