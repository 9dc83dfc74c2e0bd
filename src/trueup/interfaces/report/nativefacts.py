"""What the page of `trueup libs` tells of one native file, wherever it tells of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from trueup.interfaces.report.nativewords import library_label
from trueup.interfaces.report.words import natural
from trueup.judge.duplicates import version_of
from trueup.model.library import Distribution, GpuCode, GpuKind, NativeFile
from trueup.model.metadata import Unreadable
from trueup.model.nativereport import Copy, Degree, Duplicate, LoadedMap, NativeReport, Scope

__all__ = [
    "FileRow",
    "Kind",
    "Likeness",
    "alike_in",
    "exact",
    "file_rows",
    "generation",
    "gpu_order",
]


class Kind(StrEnum):
    """What a native file is for; the class of its tiles is ``k-`` and the name."""

    LIBRARY = "library"
    MODULE = "extension module"
    PROGRAM = "program"
    UNREAD = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """The surest degree to which a file is there again, and the number of its group."""

    degree: Degree
    group: int
    others: int


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """One file of one distribution; ``number`` is its place in the table."""

    number: int
    distribution: Distribution
    file: NativeFile
    alike: Likeness | None

    @property
    def key(self) -> tuple[str, str]:
        return self.distribution.filename, self.file.path

    @cached_property
    def kind(self) -> Kind:
        if isinstance(self.file.images, Unreadable):
            return Kind.UNREAD
        if self.file.is_extension:
            return Kind.MODULE
        named = any(image.name for image in self.file.readable)
        return Kind.LIBRARY if named else Kind.PROGRAM

    @property
    def says(self) -> str:
        """Its version, or why it cannot be read."""
        if self.kind is Kind.UNREAD:
            return library_label(self.file)
        return version_of(self.file) or "" if self.kind is Kind.LIBRARY else ""

    @cached_property
    def debug(self) -> int | None:
        """Bytes of debug information; None for a file that cannot be read."""
        return self._sum(image.debug for image in self.file.readable)

    @cached_property
    def padding(self) -> int | None:
        """Bytes between sections; None for a file that cannot be read."""
        return self._sum(image.padding for image in self.file.readable)

    @cached_property
    def gpu(self) -> tuple[tuple[GpuCode, int], ...]:
        """Device code by target and kind, as (one code of that target, bytes of all)."""
        sums: dict[tuple[str, str, GpuKind], int] = {}
        codes: dict[tuple[str, str, GpuKind], GpuCode] = {}
        for image in self.file.readable:
            for code in image.gpu:
                key = (code.vendor, code.target, code.kind)
                codes.setdefault(key, code)
                sums[key] = sums.get(key, 0) + code.size
        return tuple((codes[key], size) for key, size in sums.items())

    def _sum(self, sizes: Iterable[int]) -> int | None:
        return None if self.kind is Kind.UNREAD else sum(sizes)


def file_rows(report: NativeReport) -> tuple[FileRow, ...]:
    """Every file of every distribution, the largest first."""
    alike = alike_in(report.duplicates)
    pairs = [(item, file) for item in report.distributions for file in item.files]
    pairs.sort(key=lambda pair: (-pair[1].size, pair[0].filename, pair[1].path))
    return tuple(
        FileRow(
            number=number,
            distribution=item,
            file=file,
            alike=alike.get((item.filename, file.path)),
        )
        for number, (item, file) in enumerate(pairs, start=1)
    )


def alike_in(
    duplicates: Sequence[Duplicate], loaded: LoadedMap | None = None
) -> Mapping[tuple[str, str], Likeness]:
    """The likeness of each file, by (distribution's file name, path), of the surest degree.

    In one environment only what stands side by side there counts.
    """
    found: dict[tuple[str, str], Likeness] = {}
    ranked = sorted(duplicates, key=lambda item: list(Degree).index(item.degree))
    for number, item in enumerate(ranked):
        side_by_side = item.scope in (Scope.WHEEL, Scope.PACKAGES)
        if loaded is not None and not (side_by_side and item.where == loaded.layout.label):
            continue
        for key in _keys(item.copies):
            likeness = Likeness(degree=item.degree, group=number, others=len(item.copies) - 1)
            found.setdefault(key, likeness)
    return found


def _keys(copies: Iterable[Copy]) -> Iterator[tuple[str, str]]:
    return ((copy.filename, copy.path) for copy in copies)


def gpu_order(rows: Iterable[FileRow]) -> tuple[tuple[str, GpuKind], ...]:
    """The architectures that any file has code for, PTX apart, from the oldest to the newest; what
    could not be read comes last.
    """
    found = {(code.vendor, code.target, code.kind) for row in rows for code, _ in row.gpu}

    def key(one: tuple[str, str, GpuKind]) -> tuple[bool, str, object, str, str]:
        vendor, target, kind = one
        return kind is GpuKind.UNREAD, vendor, natural(generation(target)), target, kind.value

    return tuple((target, kind) for _, target, kind in sorted(found, key=key))


def generation(target: str) -> str:
    """``sm_90``, ``sm_90a`` and ``compute_90`` are of one generation, ``sm_100`` of a later one."""
    head, _, number = target.rpartition("_")
    return number.rstrip("af") if head in ("sm", "compute") else target


def exact(size: int | None, unit: str = "bytes") -> str:
    """``23,799,032 bytes``, and a dash for what is not known."""
    return "–" if size is None else f"{size:,} {unit}".rstrip()
