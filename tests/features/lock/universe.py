"""A small world of projects that answers a resolver: versions, and what they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.ranges import VersionRange
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from trueup.features.lock.offer import Node, Wish
from trueup.model.requirement import Requirement, parse_requirement, version_range

World = Mapping[str, Mapping[str, Sequence[str]]]
"""``{"lib": {"1.0": ["dep<2", "x: other"]}}``: by project and version the requirements; ``x: ``
before one says that the extra ``x`` asks for it."""


def nodes(requirement: Requirement) -> list[Node]:
    if not requirement.extras:
        return [Node(project=requirement.project)]
    return [Node(project=requirement.project, extra=extra) for extra in sorted(requirement.extras)]


def wish(text: str, origin: str = "command line") -> Wish:
    """The wish for a requirement with at most one extra."""
    requirement = parse_requirement(text)
    (node,) = nodes(requirement)
    return Wish(node=node, versions=version_range(requirement.specifier), origin=origin, text=text)


class Universe:
    """An honest offer: what is in the world, except the ``unusable`` versions, with the reason."""

    def __init__(self, world: World, unusable: Mapping[tuple[str, str], str] | None = None) -> None:
        self._versions = {
            canonicalize_name(name): sorted(map(Version, versions))
            for name, versions in world.items()
        }
        self._world = {
            (canonicalize_name(name), Version(version)): lines
            for name, versions in world.items()
            for version, lines in versions.items()
        }
        self.unusable = {
            (canonicalize_name(name), Version(version)): why
            for (name, version), why in (unusable or {}).items()
        }
        self.picks = 0

    def usable(self, project: NormalizedName) -> list[Version]:
        return [item for item in self.versions(project) if (project, item) not in self.unusable]

    def pick(self, project: NormalizedName, versions: VersionRange) -> Version | None:
        self.picks += 1
        inside = [item for item in self.usable(project) if item in versions]
        finals = [item for item in inside if not item.is_prerelease]
        return max(finals or inside, default=None)

    def needs(self, node: Node, version: Version) -> Mapping[Node, VersionRange]:
        found: dict[Node, VersionRange] = {}
        for line in self._world[node.project, version]:
            extra, colon, text = line.partition(": ")
            if (extra if colon else None) != node.extra:
                continue
            requirement = parse_requirement(text if colon else line)
            versions = version_range(requirement.specifier)
            for need in nodes(requirement):
                found[need] = found[need] & versions if need in found else versions
        return found

    def obstacles(self, project: NormalizedName, versions: VersionRange) -> tuple[str, ...]:
        return tuple(
            f"{item}: {why}"
            for (name, item), why in sorted(self.unusable.items())
            if name == project and item in versions
        )

    def versions(self, project: NormalizedName) -> Sequence[Version]:
        return self._versions.get(project, ())
