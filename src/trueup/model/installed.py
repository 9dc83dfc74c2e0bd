"""What is installed beside an interpreter: distributions, their files, and the place itself."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple, overload

from packaging.tags import Tag
from packaging.utils import NormalizedName
from packaging.version import Version

from .metadata import Metadata, Unreadable

__all__ = [
    "DirectUrl",
    "Entry",
    "FileState",
    "InstalledDistribution",
    "InstalledEnvironment",
    "Layout",
    "Rows",
    "Runtime",
    "plain_path",
]


class Layout(StrEnum):
    """In which form a distribution is recorded."""

    DIST_INFO = "dist-info"
    """A `*.dist-info` folder ("Recording installed projects")."""
    EGG_INFO = "egg-info"
    """A `*.egg-info` folder or file, as setuptools and Debian write it; it has no RECORD."""
    CONDA = "conda-meta"
    """Only conda's own record knows it."""


class Entry(NamedTuple):
    """One row of RECORD: ``path`` as written, ``digest`` such as ``sha256=…`` (empty: none),
    ``size`` in bytes as written (empty: none). An environment has a hundred thousand of them.
    """

    path: str
    digest: str = ""
    size: str = ""


class Rows(Sequence[Entry]):
    """The rows of a RECORD, taken apart when they are looked at: mostly their paths are enough."""

    def __init__(
        self, entries: Iterable[Entry] = (), *, lines: Sequence[str] | None = None
    ) -> None:
        """``lines`` are rows of three cells without quotes; or else there are ``entries``."""
        self._lines = lines
        self._entries = None if lines is not None else tuple(entries)

    @cached_property
    def paths(self) -> frozenset[str]:
        """The paths as written."""
        if self._lines is not None:
            return frozenset([line.split(",", 1)[0] for line in self._lines])
        return frozenset(entry.path for entry in self)

    def _all(self) -> tuple[Entry, ...]:
        if self._entries is None:
            self._entries = tuple(Entry(*line.split(",")) for line in self._lines or ())
        return self._entries

    def __len__(self) -> int:
        return len(self._lines if self._entries is None else self._entries)  # type: ignore[arg-type]

    @overload
    def __getitem__(self, index: int) -> Entry: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Entry]: ...

    def __getitem__(self, index: int | slice) -> Entry | Sequence[Entry]:
        return self._all()[index]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._all())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rows) and self._all() == other._all()

    def __hash__(self) -> int:
        return hash(self.paths)


def plain_path(path: str) -> str:
    """The path of a row with `/` between its parts, and `..` resolved as far as that goes."""
    if "\\" in path:
        path = path.replace("\\", "/")
    return posixpath.normpath(path) if ".." in path or "//" in path else path


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectUrl:
    """Where a distribution came from if not from an index (PEP 610): ``hashes`` are those of the
    archive, ``commit`` that of a repository.
    """

    url: str
    editable: bool = False
    commit: str | None = None
    hashes: Mapping[str, str] | None = None


class FileState(StrEnum):
    """What is wrong with a file that RECORD lists."""

    MISSING = "missing"
    SIZE = "another size"
    CONTENT = "another content"
    UNREADABLE = "unreadable"
    OUTSIDE = "outside the environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledDistribution:
    """One distribution, as the files beside the interpreter tell it.

    ``folder`` is the path of its `*.dist-info` or `*.egg-info` below ``site``, which is one of the
    environment's; ``record`` is None where there is none. ``shadowed`` says that an import finds
    another one of that name, in an earlier site. ``faults`` are files of RECORD that are not as it
    says, looked at as deeply as was asked. ``owner`` is what another package manager says brought
    it, such as ``dpkg: python3-six 1.16.0-4``.
    """

    project: NormalizedName
    version: Version | None
    written_version: str
    layout: Layout
    site: str
    folder: str
    metadata: Metadata | Unreadable
    record: Rows | Unreadable | None = None
    installer: str | None = None
    requested: bool = False
    direct_url: DirectUrl | Unreadable | None = None
    tags: frozenset[Tag] = frozenset()
    shadowed: bool = False
    faults: tuple[tuple[str, FileState], ...] = ()
    owner: str | None = None

    @property
    def title(self) -> str:
        return f"{self.project} {self.written_version}"

    @property
    def editable(self) -> bool:
        return isinstance(self.direct_url, DirectUrl) and self.direct_url.editable

    def paths(self) -> Iterator[tuple[str, Entry]]:
        """Each recorded file as a path below the site, `..` resolved; `\\` counts as `/`."""
        if isinstance(self.record, Rows):
            for entry in self.record:
                yield plain_path(entry.path), entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The interpreter of an environment, worked out without running it.

    ``environment`` holds the marker variables, ``tags`` what wheels it accepts; ``known_by`` says
    what that was read from.
    """

    environment: Mapping[str, str]
    tags: frozenset[Tag]
    known_by: str

    @property
    def python(self) -> str:
        return self.environment["python_full_version"]

    @property
    def words(self) -> str:
        """``CPython 3.12.1, Linux x86_64``."""
        name = self.environment["platform_python_implementation"]
        return (
            f"{name} {self.python}, {self.environment['platform_system']} "
            f"{self.environment['platform_machine']}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledEnvironment:
    """What stands beside one interpreter; ``sites`` are searched in this order.

    ``leftovers`` are names of half-removed or foreign pieces, each with its site and what it is;
    ``failures`` what could not be looked at, and why. ``deep`` says that contents were hashed.
    """

    where: str
    sites: tuple[str, ...]
    distributions: tuple[InstalledDistribution, ...]
    runtime: Runtime
    leftovers: tuple[tuple[str, str, str], ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    deep: bool = False

    @property
    def active(self) -> Mapping[NormalizedName, InstalledDistribution]:
        """The distribution that an import of each project finds."""
        found: dict[NormalizedName, InstalledDistribution] = {}
        for one in self.distributions:
            found.setdefault(one.project, one)
        return found
