"""`who loads it`: the copies of a library in one environment, and who ends up with which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trueup.judge.duplicates import library_name_of
from trueup.model.library import Distribution, NativeFile
from trueup.model.libraryname import known_as
from trueup.model.loading import Link
from trueup.model.nativereport import LoadedMap

__all__ = ["LoadedCopy", "who_loads"]


@dataclass(frozen=True, kw_only=True)
class LoadedCopy:
    """One copy and the files that get it; ``path`` None stands for what is not there.

    ``links`` are those who ask for it by name. ``static`` copies were linked into a file and have
    no users but that file.
    """

    path: str | None
    wanted: str
    distribution: Distribution | None = None
    file: NativeFile | None = None
    links: tuple[Link, ...] = ()
    static: bool = False

    @property
    def says(self) -> tuple[str, ...]:
        """What the copy says of itself: version and configuration."""
        images = self.file.readable if self.file is not None else ()
        told = [witness for image in images for witness in image.witnesses]
        # A program into which ten libraries are linked tells of all of them.
        about = [w for w in told if not self.static or self.wanted in w.library]
        return tuple(dict.fromkeys(witness.text for witness in about))


def who_loads(loaded: LoadedMap, library: str) -> tuple[LoadedCopy, ...]:
    """Every copy whose name contains ``library`` (``lib`` and case do not matter).

    Copies with users come first, then those nobody asks for, static ones, and what is expected of
    the system or missing. A library that only its compiled-in text tells of is static.
    """
    wanted = library.lower().removeprefix("lib")
    copies = [*_shared(loaded, wanted), *_static(loaded, wanted), *_outside(loaded, wanted)]
    return tuple(sorted(copies, key=lambda copy: (copy.path is None, copy.static, not copy.links)))


def _shared(loaded: LoadedMap, wanted: str) -> Iterator[LoadedCopy]:
    for path, (distribution, file) in loaded.files.items():
        if _is_called(file, wanted):
            yield LoadedCopy(
                path=path,
                wanted=file.filename,
                distribution=distribution,
                file=file,
                links=loaded.users.get(path, ()),
            )


def _static(loaded: LoadedMap, wanted: str) -> Iterator[LoadedCopy]:
    for path, (distribution, file) in loaded.files.items():
        told = {witness.library for image in file.readable for witness in image.witnesses}
        if not _is_called(file, wanted) and any(wanted in library for library in told):
            yield LoadedCopy(
                path=path,
                wanted=wanted,
                distribution=distribution,
                file=file,
                static=True,
            )


def _is_called(file: NativeFile, wanted: str) -> bool:
    """Whether it is a library of that name, or of a project of that name."""
    names = known_as(library_name_of(file).library)
    return not file.is_extension and any(wanted in name for name in names)


def _outside(loaded: LoadedMap, wanted: str) -> Iterator[LoadedCopy]:
    links: dict[str, dict[tuple[str, str], Link]] = {}
    for closure in loaded.closures:
        for link in closure.links:
            if link.path is None and wanted in link.wanted.lower():
                links.setdefault(link.wanted, {})[link.user, link.found] = link
    for name, found in sorted(links.items()):
        yield LoadedCopy(path=None, wanted=name, links=tuple(found.values()))
