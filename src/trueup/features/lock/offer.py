"""What is resolved, what is wished for, and who answers what the resolver asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from packaging.ranges import VersionRange
from packaging.utils import NormalizedName
from packaging.version import Version

__all__ = ["Node", "Offer", "Wish"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What gets a version: a project, or an extra of one (which shares the project's version)."""

    project: NormalizedName
    extra: NormalizedName | None = None

    def __str__(self) -> str:
        return self.project if self.extra is None else f"{self.project}[{self.extra}]"

    @property
    def base(self) -> Node:
        """The node without its extra."""
        return self if self.extra is None else Node(project=self.project)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One requirement of a root: ``origin`` says where it stands, ``text`` is as written."""

    node: Node
    versions: VersionRange
    origin: str
    text: str


class Offer(Protocol):
    """Answers what the resolver asks, for one target; the same question gets the same answer.

    No range may carry a configured pre-release policy: `packaging` refuses to combine different
    ones. Whether pre-releases are candidates is for ``pick`` to decide.
    """

    def pick(self, project: NormalizedName, versions: VersionRange) -> Version | None:
        """The version to try next, within ``versions``; None if none of them is usable.

        Where a range has no usable version, none of its parts may have one: so pre-releases are
        offered where nothing else is (PEP 440, "Handling of pre-releases"), or always, or never.
        """

    def needs(self, node: Node, version: Version) -> Mapping[Node, VersionRange]:
        """What this version asks for; of an extra: what it adds to its project."""

    def obstacles(self, project: NormalizedName, versions: VersionRange) -> tuple[str, ...]:
        """Why no version of that range is usable, in words: "2.0: no wheel for …"."""

    def versions(self, project: NormalizedName) -> Sequence[Version]:
        """Every version there is, usable or not, oldest first; empty for an unknown project.

        Nothing else may be picked.
        """
