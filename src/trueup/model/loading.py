"""Which copy of a library the loader takes, and why that one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .library import Distribution

__all__ = ["Closure", "Found", "Layout", "Link"]


class Found(StrEnum):
    """How the loader comes to a library; the order of the first is the order of its search."""

    LOADED = "already loaded"
    PATH = "its path"
    RPATH = "RPATH"
    LIBRARY_PATH = "LD_LIBRARY_PATH"
    RUNPATH = "RUNPATH"
    BESIDE = "its own folder"
    DLL_FOLDER = "a folder of DLLs"
    """Another folder of the same distribution; its Python code has to name it to Windows first."""
    SYSTEM = "the system"
    ELSEWHERE = "elsewhere"
    """A copy is there and no search path leads to it; it is found only if Python loads it first."""
    OUTSIDE = "a fixed path"
    """A path that leads out of what is looked at; whether it exists is unknown."""
    MISSING = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One library that one file asks for, as the loader resolves it.

    ``path`` is the copy, None where that is outside; ``through`` the search path entry that led
    there, as written, and ``owner`` the file that has it (not ``user`` where it is inherited).
    """

    user: str
    wanted: str
    found: Found
    path: str | None = None
    through: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """All that comes into the process with one extension module or program, in loading order.

    ``order`` are paths, the entry first; it is also the order in which ELF symbols are looked up.
    """

    entry: str
    machine: str
    links: tuple[Link, ...]
    order: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Distributions that stand side by side in one site-packages; at most one of each project."""

    label: str
    distributions: tuple[Distribution, ...]
