"""Laws of locks: the audit over bit sets is what walking each environment with `packaging` gives,
and what `lock` writes is sound in every environment that shares its markers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement as PackagingRequirement
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from tests.shelf import Shelf
from trueup.features.lock import Locked, lock
from trueup.judge.closure import Kind
from trueup.judge.lock import audit
from trueup.judge.picks import key_of
from trueup.model.lock import Lock, LockEntry
from trueup.model.lockrequest import LockRequest, Root
from trueup.model.metadata import Resolution
from trueup.model.point import Point, minor_of
from trueup.model.requirement import parse_requirement
from trueup.model.space import Space
from trueup.model.target import parse_targets
from trueup.sources.supply import Supply

TARGETS = parse_targets(
    "{cp311,cp312}-linux-x86_64-glibc2.28,cp312-linux-x86_64-musl,cp312-macos-arm64,"
    "cp312-windows-amd64,cp313t-linux-x86_64-glibc2.28,cp313-linux-x86_64-glibc2.17"
)
PROJECTS = ("a", "b", "c", "d")
TAGS = (
    "py3-none-any", "cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312-manylinux_2_28_x86_64",
    "cp312-cp312-musllinux_1_2_x86_64", "cp312-cp312-macosx_11_0_arm64",
    "cp312-cp312-win_amd64", "cp311-cp311-manylinux_2_17_x86_64", "cp311-abi3-win_amd64",
    "cp313-cp313t-manylinux_2_28_x86_64", "cp313-cp313-manylinux_2_17_x86_64",
    "py3-none-manylinux_2_34_x86_64",
)  # fmt: skip
MARKERS = (
    "", 'sys_platform == "linux"', 'sys_platform != "win32"', 'python_version < "3.12"',
    'python_full_version >= "3.12.3"', 'platform_machine == "arm64"', 'extra == "x"',
    'extra == "x" and sys_platform == "linux"', 'python_version >= "3.13"',
)  # fmt: skip


@st.composite
def requirements(draw: st.DrawFn, own: str) -> list[str]:
    # Only later names, so that the walk ends soon; extras of them are asked for as well.
    names = [name for name in PROJECTS if name > own]
    lines = []
    for name in draw(st.lists(st.sampled_from(names), max_size=3)) if names else []:
        extra = draw(st.sampled_from(["", "", "[x]"]))
        specifier = draw(st.sampled_from(["", "", ">=2", "<2"]))
        marker = draw(st.sampled_from(MARKERS))
        lines.append(f"{name}{extra}{specifier}{'; ' + marker if marker else ''}")
    return lines


@st.composite
def shelves(draw: st.DrawFn) -> Shelf:
    shelf = Shelf()
    for name in PROJECTS:
        for version in draw(st.sampled_from([["1.0"], ["1.0", "2.0"]])):
            chosen = draw(st.lists(st.sampled_from(TAGS), unique=True, min_size=1, max_size=3))
            if draw(st.booleans()):
                chosen = list(dict.fromkeys([*chosen, "py3-none-any"]))
            common = draw(requirements(name))
            for tags in chosen:
                lines = common if draw(st.integers(0, 2)) else draw(requirements(name))
                shelf.add(f"{name}-{version}-{tags}.whl", lines, extras=["x"])
    return shelf


def locked(shelf: Shelf, roots: Sequence[str] = ("a", "b[x]")) -> Locked:
    request = LockRequest(
        roots=tuple(Root(requirement=parse_requirement(text), origin="the test") for text in roots),
        targets=TARGETS,
    )
    return lock(request, Supply(lambda _: shelf))


def tags_of(point: Point) -> list[Tag]:
    """All tags of an environment, best first."""
    keys = point.interpreter.accepted(minor_of(point.python))
    return [
        Tag(interpreter, abi, platform)
        for interpreter, abi, is_any in keys
        for platform in (("any",) if is_any else point.host.tags)
    ]


def taken(entry: LockEntry, tags: Sequence[Tag]) -> str | None:
    """The wheel that an installer takes from an entry's own list (PEP 751)."""
    ranked = []
    for file in entry.files:
        _, _, build, accepted = parse_wheel_filename(file.filename)
        ranks = [rank for rank, tag in enumerate(tags) if tag in accepted]
        if ranks:
            ranked.append(
                (
                    min(ranks),
                    tuple(-one if isinstance(one, int) else 0 for one in build),
                    file.filename,
                )
            )
    return min(ranked)[2] if ranked else None


def lacking(found: Lock, shelf: Shelf, point: Point) -> set[tuple[str, str]]:
    """(file, requirement) pairs that nothing live meets, by `packaging` alone, at one point."""
    environment = point.environment()
    live = {
        entry.project: entry
        for entry in found.entries
        if entry.condition.under(frozenset()) is True
        or (
            not isinstance(marker := entry.condition.under(frozenset()), bool)
            and marker.holds({**environment, "extra": ""})
        )
    }
    tags = tags_of(point)
    wrong: set[tuple[str, str]] = set()
    pending: list[tuple[str, str]] = [(name, "") for name in live]
    for text in found.roots:
        root = PackagingRequirement(text)
        pending += [(root.name, extra) for extra in root.extras if root.name in live]
    seen: set[tuple[str, str]] = set()
    while pending:
        name, extra = pending.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        filename = taken(live[name], tags)  # type: ignore[index]
        if filename is None:
            continue
        said = shelf.readings[filename].resolution
        assert isinstance(said, Resolution)
        for line in said.requires_dist:
            requirement = PackagingRequirement(line.text)
            values = {**environment, "extra": extra}
            if requirement.marker is not None and not requirement.marker.evaluate(values):
                continue
            child = live.get(line.project)
            if child is None or str(child.version) not in requirement.specifier:
                wrong.add((filename, str(line)))
            else:
                pending.append((line.project, ""))
                pending += [(line.project, one) for one in requirement.extras]
    return wrong


def audited(found: Lock, shelf: Shelf) -> tuple[Space, int, dict[int, set[tuple[str, str]]]]:
    """The same from the audit: the points it speaks of, and what is wrong at each."""
    readings = {
        key_of(file): shelf.readings[file.filename]
        for entry in found.entries
        for file in entry.files
    }
    result = audit(found, TARGETS, readings, selections=[frozenset()])
    space, claimed = result.ground.space, result.ground.claimed
    wrong: dict[int, set[tuple[str, str]]] = {index: set() for index in space.indices(claimed)}
    for trouble in result.troubles:
        problem = trouble.problem
        if problem.kind not in (Kind.MISSING, Kind.TOO_NARROW, Kind.OUTSIDE):
            continue
        assert problem.group is not None
        group = result.groups[problem.entry][problem.group]
        for pick in result.ground.picks[problem.entry]:
            if pick.artifact in group.files:
                for index in space.indices(trouble.points & pick.points):
                    wrong[index].add((pick.artifact.filename, str(problem.requirement)))
    return space, claimed, wrong


@settings(max_examples=60, deadline=None)
@given(shelves(), st.data())
def test_the_audit_is_what_walking_every_environment_gives(
    shelf: Shelf, data: st.DataObject
) -> None:
    for profile in locked(shelf).profiles:
        found = profile.lock
        # Damaged, so that there is something to find: an entry less, or one with another's list.
        dropped = data.draw(st.integers(0, len(found.entries)))
        found = replace(
            found, entries=tuple(e for n, e in enumerate(found.entries) if n != dropped)
        )
        if not found.entries:
            continue
        space, claimed, wrong = audited(found, shelf)
        for index in space.indices(claimed):
            assert wrong[index] == lacking(found, shelf, space.point(index))


@settings(max_examples=150, deadline=None)
@given(shelves())
def test_what_lock_writes_is_sound_wherever_its_markers_hold(shelf: Shelf) -> None:
    for profile in locked(shelf).profiles:
        space, claimed, _ = audited(profile.lock, shelf)
        for index in space.indices(claimed):
            assert lacking(profile.lock, shelf, space.point(index)) == set()


@settings(max_examples=60, deadline=None)
@given(shelves())
def test_a_file_that_is_chosen_nowhere_can_be_removed(shelf: Shelf) -> None:
    """Law 7 of the model."""
    for profile in locked(shelf).profiles:
        picks = profile.audit.ground.picks
        for number, entry in enumerate(profile.lock.entries):
            chosen = {pick.artifact.filename for pick in picks[number]}
            left = tuple(file for file in entry.files if file.filename in chosen)
            if left == entry.files:
                continue
            entries = list(profile.lock.entries)
            entries[number] = replace(entry, files=left)
            smaller = replace(profile.lock, entries=tuple(entries))
            _, _, wrong = audited(smaller, shelf)
            assert not any(wrong.values())


@settings(max_examples=40, deadline=None)
@given(shelves(), st.permutations(range(60)))
def test_the_order_of_files_and_requirements_does_not_matter(
    shelf: Shelf, order: Sequence[int]
) -> None:
    mixed = Shelf()
    names = sorted(shelf.files)
    for name in [names[place] for place in order if place < len(names)]:
        mixed.files[name] = shelf.files[name]
        mixed.readings[name] = shelf.readings[name]
    first, second = locked(shelf), locked(mixed, ("b[x]", "a"))
    assert [profile.lock.entries for profile in first.profiles] == [
        profile.lock.entries for profile in second.profiles
    ]
    assert {item.target for item in first.unserved} == {item.target for item in second.unserved}
