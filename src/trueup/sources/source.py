"""The one small interface between the logic and the places where releases live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from packaging.utils import NormalizedName

from trueup.model.artifact import Artifact
from trueup.model.release import Reading

__all__ = ["Listing", "Source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All files that a place lists for one project, of every version, in the place's order.

    ``status`` is the project's status marker (PEP 792), ``origin`` the page's address or the folder.
    """

    project: NormalizedName
    files: tuple[Artifact, ...]
    origin: str
    status: str | None = None
    one_release: bool = False
    """Whether the place is meant to hold one version only, as the folder before an upload is."""


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
