"""Which libraries of a release move into companion wheels, or why none does.

All wheels of a release get the same requirement, for uv and Poetry read one of them and take it for
all; so every platform has a companion, an empty one where there is nothing to move.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from trueup.judge.layouts import platform_of
from trueup.model.metadata import Unreadable
from trueup.model.split import CompanionPlan, PlatformPlan, Refusal, SplitWheel

__all__ = ["PreviousCompanion", "bundle_folder", "companion_path", "plan_companion"]

_TOP_LIBS = re.compile(r"(?P<name>[^/]+)\.libs/.+")
_DYLIBS = re.compile(r"(?:[^/]+/)*\.dylibs/.+|[^/]+\.dylibs/.+")


@dataclass(frozen=True, kw_only=True)
class PreviousCompanion:
    """The companion wheels of an earlier release: the sha256 of each member, by platform tag."""

    project: NormalizedName
    version: Version
    platforms: Mapping[tuple[str, ...], Mapping[str, str]]


def bundle_folder(member: str) -> str | None:
    """The folder of bundled libraries that a member is in; None if it is in none.

    `NAME.libs/` is what auditwheel and delvewheel make, `.dylibs/` what delocate makes. One below
    a `.data` folder counts for nothing: that folder is named after its own wheel.
    """
    if member.partition("/")[0].endswith(".data"):
        return None
    if match := _TOP_LIBS.fullmatch(member):
        return f"{match['name']}.libs"
    if _DYLIBS.fullmatch(member):
        return member[: member.index(".dylibs/") + len(".dylibs")]
    return None


def companion_path(member: str) -> str:
    """The path in the companion on Linux: `NAME_libs/…` for `NAME.libs/…`, of the same length.

    At its old path pip would delete the file when it uninstalls the release before the split.
    """
    folder = bundle_folder(member)
    if folder is None or not folder.endswith(".libs"):
        return member
    return folder.removesuffix(".libs") + "_libs" + member[len(folder) :]


def plan_companion(
    wheels: Sequence[SplitWheel],
    *,
    owned: Mapping[str, str] | None = None,
    previous: PreviousCompanion | None = None,
) -> CompanionPlan | tuple[Refusal, ...]:
    """The plan for the wheels of one release, or everything that speaks against it.

    ``owned`` maps paths that other, unsplit releases own to the file that does;
    ``previous`` are the companions of the release before, reused if they hold the same.
    """
    releases = {(one.distribution.project, one.distribution.version) for one in wheels}
    if len(releases) != 1:
        names = sorted(f"{project} {version}" for project, version in releases)
        return (
            Refusal(
                reason=f"these are wheels of {len(releases)} releases",
                files=tuple(names),
                hint="name the wheels of one release; `--shared LIBRARY` is for several projects",
            ),
        )
    ((project, version),) = releases
    companion = canonicalize_name(f"{project}-libs")
    refusals = [*_unfit(wheels, companion, previous), *_ambiguous(wheels)]
    platforms: list[PlatformPlan] = []
    for platform, members in sorted(_by_platform(wheels).items()):
        plan = _platform(platform, members, owned or {}, refusals)
        if plan is not None:
            platforms.append(plan)
    if not platforms and not refusals:
        return (
            Refusal(
                reason="no wheel of this release bundles libraries",
                hint="look with `trueup libs`; what was linked statically cannot be moved",
            ),
        )
    if refusals:
        return tuple(refusals)
    served = {one.distribution.filename for plan in platforms for one in plan.wheels}
    plain = tuple(one for one in wheels if one.distribution.filename not in served)
    if plain:
        empty = PlatformPlan(platform="any", tags=("any",), wheels=(), moves={}, pure=True)
        platforms.append(empty)
    reused = previous is not None and _same(previous, platforms)
    return CompanionPlan(
        project=project,
        version=version,
        companion=companion,
        companion_version=previous.version if previous is not None and reused else version,
        platforms=tuple(platforms),
        plain=plain,
        reused=reused,
    )


def _unfit(
    wheels: Sequence[SplitWheel], companion: NormalizedName, previous: PreviousCompanion | None
) -> Iterable[Refusal]:
    """What would end in two files of one name, or in a requirement that means something else."""
    names = Counter(one.distribution.filename for one in wheels)
    if twice := sorted(name for name, times in names.items() if times > 1):
        yield Refusal(reason="two of these wheels have the same file name", files=tuple(twice))
    asking = [one.distribution.filename for one in wheels if companion in one.requires]
    if asking:
        yield Refusal(
            reason=f"there are wheels that ask for `{companion}` already",
            files=tuple(asking),
            hint="split the wheels as they were built",
        )
    if previous is not None and previous.project != companion:
        yield Refusal(
            reason=f"the earlier companion is called `{previous.project}`, and the one of this "
            f"release `{companion}`"
        )


def _by_platform(wheels: Iterable[SplitWheel]) -> dict[str, list[SplitWheel]]:
    """The wheels by platform in words; one for two Macs stands under both as one."""
    found: dict[str, list[SplitWheel]] = {}
    for wheel in wheels:
        names = sorted({p for tag in wheel.distribution.tags for p in platform_of(tag.platform)})
        if names:
            found.setdefault(" and ".join(names), []).append(wheel)
    return found


def _ambiguous(wheels: Iterable[SplitWheel]) -> Iterable[Refusal]:
    """Groups of wheels that overlap: an installer could take either companion."""
    groups = {
        platform: {
            p for one in members for t in one.distribution.tags for p in platform_of(t.platform)
        }
        for platform, members in _by_platform(wheels).items()
        if any(one.bundled for one in members)
    }
    for first, second in combinations(sorted(groups), 2):
        if groups[first] & groups[second]:
            yield Refusal(
                reason=f"wheels for {first} and for {second} would need a companion each, and both "
                "would fit one machine",
                hint="build all Pythons for the same machines",
            )


def _platform(
    platform: str,
    wheels: list[SplitWheel],
    owned: Mapping[str, str],
    refusals: list[Refusal],
) -> PlatformPlan | None:
    linux = platform.startswith("Linux")
    movable = [_movable(wheel) if linux else wheel.bundled for wheel in wheels]
    if not any(movable):
        return None
    refusals += _differences(platform, wheels, movable)
    moves = {member: companion_path(member) if linux else member for member in movable[0]}
    refusals += _unmovable(wheels, moves) if linux else _taken(platform, moves, owned)
    if len({wheel.pure for wheel in wheels}) > 1:
        pure = [wheel.distribution.filename for wheel in wheels if wheel.pure]
        refusals.append(
            Refusal(
                reason=f"of the wheels for {platform} some are installed as pure Python and others "
                "as platform-specific: on some systems these are two folders",
                files=tuple(pure),
                hint="a wheel with libraries has `Root-Is-Purelib: false`",
            )
        )
    tags = {tag.platform for wheel in wheels for tag in wheel.distribution.tags}
    return PlatformPlan(
        platform=platform,
        tags=tuple(sorted(tags)),
        wheels=tuple(wheels),
        moves=moves,
        pure=wheels[0].pure,
    )


def _movable(wheel: SplitWheel) -> dict[str, str]:
    """The libraries that have another path in the companion."""
    return {path: one for path, one in wheel.bundled.items() if companion_path(path) != path}


def _taken(platform: str, moves: Mapping[str, str], owned: Mapping[str, str]) -> Iterable[Refusal]:
    taken = {path: owned[path] for path in moves if path in owned}
    if taken:
        yield Refusal(
            reason=f"on {platform} the libraries must stay at their paths, and another release "
            "that is not split owns them: pip installs the companion, then uninstalls that "
            "release and deletes them",
            files=tuple(f"{path} (of {owner})" for path, owner in sorted(taken.items())),
            hint="leave this platform unsplit, or rename its libraries in this release "
            "(`delvewheel` and `auditwheel` put a digest into the name)",
        )


def _unmovable(wheels: Sequence[SplitWheel], moves: Mapping[str, str]) -> Iterable[Refusal]:
    """What would not follow the libraries to their new folder, or stands there."""
    mentioning = [f"{one.distribution.filename}: {name}" for one in wheels for name in one.mentions]
    if mentioning:
        yield Refusal(
            reason="code names the folder of the libraries, which moves",
            files=tuple(mentioning),
            hint="let it find the library through its name, or name both folders",
        )
    unread = [
        f"{one.distribution.filename}: {file.path}: {file.images.reason}"
        for one in wheels
        for file in one.distribution.files
        if isinstance(file.images, Unreadable)
    ]
    if unread:
        yield Refusal(
            reason="there are files whose search paths cannot be read, and so not be followed",
            files=tuple(unread),
        )
    present = sorted({path for one in wheels for path in moves.values() if path in one.members})
    if present:
        yield Refusal(
            reason="the wheels have files already where the libraries would move",
            files=tuple(present),
        )


def _differences(
    platform: str, wheels: Sequence[SplitWheel], movable: Sequence[Mapping[str, str]]
) -> Iterable[Refusal]:
    """What moves must be byte-identical in every wheel of the platform."""
    first, mine = wheels[0], movable[0]
    for other, its in zip(wheels[1:], movable[1:], strict=True):
        differ = sorted(
            path for path in mine.keys() | its.keys() if mine.get(path) != its.get(path)
        )
        if differ:
            yield Refusal(
                reason=f"the wheels for {platform} bundle different libraries",
                files=(
                    first.distribution.filename,
                    other.distribution.filename,
                    *differ[:5],
                    *([f"and {len(differ) - 5} more"] if len(differ) > 5 else []),
                ),
                hint="build them from the same libraries; a companion serves all Pythons of a "
                "platform",
            )


def _same(previous: PreviousCompanion, platforms: Sequence[PlatformPlan]) -> bool:
    """Whether the earlier companions hold the very same files on every platform."""
    if len(previous.platforms) != len(platforms):
        return False
    for plan in platforms:
        held = previous.platforms.get(plan.tags)
        wanted = {
            new: wheel.bundled[old] for wheel in plan.wheels[:1] for old, new in plan.moves.items()
        }
        if held is None or dict(held) != wanted:
            return False
    return True
