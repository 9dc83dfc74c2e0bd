"""The one small interface between the logic and the places where releases live."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, overload

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.artifact import Artifact, OtherName
from trueup.model.release import Reading

__all__ = ["KeptFiles", "Listing", "Source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All files that a place lists for one project, of every version, in the place's order.

    ``files`` may be made when they are looked at: a page lists thousands, a resolver wants a few.

    ``status`` is the project's status marker (PEP 792), ``origin`` the page's address or the folder.
    """

    project: NormalizedName
    files: Sequence[Artifact]
    origin: str
    status: str | None = None
    one_release: bool = False
    """Whether the place is meant to hold one version only, as the folder before an upload is."""
    advertises: bool = False
    """Whether a sidecar is advertised for any file: then for all that have one (PEP 658)."""

    def by_version(self) -> Mapping[Version, Sequence[Artifact]]:
        """The wheels and sdists of each version; what is neither has no version to stand under."""
        if isinstance(self.files, KeptFiles):
            return self.files.by_version()
        found: dict[Version, list[Artifact]] = {}
        for file in self.files:
            if not isinstance(file.name, OtherName):
                found.setdefault(file.name.version, []).append(file)
        return found

    def of_version(self, version: Version) -> Sequence[Artifact]:
        """The wheels and sdists of one version; see :meth:`by_version`."""
        if isinstance(self.files, KeptFiles):
            return self.files.of_version(version)
        return [
            file
            for file in self.files
            if not isinstance(file.name, OtherName) and file.name.version == version
        ]


class KeptFiles(Sequence[Artifact]):
    """Files of a listing that are made one by one.

    ``versions`` holds the version of each as text (None for a file that is neither wheel nor
    sdist), ``make`` makes one by its number.
    """

    def __init__(self, versions: Sequence[str | None], make: Callable[[int], Artifact]) -> None:
        self._versions = versions
        self._make = make
        self._made: dict[int, Artifact] = {}

    def __len__(self) -> int:
        return len(self._versions)

    @overload
    def __getitem__(self, index: int) -> Artifact: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Artifact]: ...

    def __getitem__(self, index: int | slice) -> Artifact | Sequence[Artifact]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        made = self._made.get(number)
        if made is None:
            made = self._made[number] = self._make(number)
        return made

    def by_version(self) -> Mapping[Version, Sequence[Artifact]]:
        """As :meth:`Listing.by_version`; no file is made for it."""
        numbers: dict[str, list[int]] = {}
        for number, text in enumerate(self._versions):
            if text is not None:
                numbers.setdefault(text, []).append(number)
        found: dict[Version, list[int]] = {}
        for text, part in numbers.items():
            # `1.0` and `1.0.0` are one version (PEP 440).
            found.setdefault(Version(text), []).extend(part)
        return {version: _Part(self, sorted(part)) for version, part in found.items()}

    def of_version(self, version: Version) -> Sequence[Artifact]:
        """As :meth:`Listing.of_version`; no other file is made for it."""
        beginning = _beginning(version)
        # Most are of another version, and parsing tells what the beginning leaves open.
        fitting = {
            text: Version(text) == version
            for text in set(self._versions)
            if text is not None and text.startswith(beginning)
        }
        return _Part(self, [n for n, text in enumerate(self._versions) if fitting.get(text or "")])


def _beginning(version: Version) -> str:
    """What the canonical text of an equal version starts with: `1` for `1.0` (PEP 440)."""
    numbers = list(version.release)
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    epoch = f"{version.epoch}!" if version.epoch else ""
    return epoch + ".".join(map(str, numbers))


class _Part(Sequence[Artifact]):
    """Some of the files of a listing."""

    def __init__(self, files: KeptFiles, numbers: Sequence[int]) -> None:
        self._files = files
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Artifact: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Artifact]: ...

    def __getitem__(self, index: int | slice) -> Artifact | Sequence[Artifact]:
        if isinstance(index, slice):
            return [self._files[number] for number in self._numbers[index]]
        return self._files[self._numbers[index]]


class Source(Protocol):
    """A place that lists the files of projects and can read their metadata.

    Implementations are safe to call from several threads.
    """

    def listing(self, project: NormalizedName) -> Listing:
        """All files of the project.

        Raises NotFoundError if the place does not have it, SourceError if it cannot answer.
        """
        ...

    def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
        """The metadata of one file, by the cheapest way that is sound.

        A file that cannot be read comes back as a Reading whose metadata is Unreadable; only a
        place that does not answer raises. ``deep`` downloads the whole file, compares its hash,
        and reads the sidecar as well where one is advertised.
        """
        ...
