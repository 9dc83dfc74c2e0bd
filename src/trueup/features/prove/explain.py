"""Would an installer build this release there, and what would it need: told without building."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from trueup.judge.reconcile import Classification, classify, judged_files
from trueup.model.artifact import Artifact, WheelName
from trueup.model.declaration import Declaration
from trueup.model.explanation import Explanation, Needs
from trueup.model.metadata import Unreadable
from trueup.model.release import Release, ReleaseFile
from trueup.model.requirement import parse_specifiers
from trueup.model.space import union
from trueup.model.target import Target, target_set
from trueup.sources.sdist import needs_of, read_files

__all__ = ["explain"]

_SHOWN = 8


def explain(
    release: Release, targets: Sequence[Target], *, fetch: Callable[[Artifact], Path]
) -> tuple[Explanation, ...]:
    """For each target, whether an installer would build the sdist there.

    ``fetch`` gives the file of an sdist; it is called at most once, and only if something would be
    built. Raises what it raises, and ArchiveError for an sdist that cannot be read.
    """
    sdists = [file for file in judged_files(release) if file.artifact.is_sdist]
    sdist = min(sdists, key=lambda file: not file.filename.endswith(".tar.gz"), default=None)
    needs: list[Needs] = []

    def needed() -> Needs | None:
        if sdist is None:
            return None
        if not needs:
            path = fetch(sdist.artifact)
            needs.append(needs_of(read_files(path, frozenset({"pyproject.toml"}))))
        return needs[0]

    return tuple(_explain(release, target, sdist, needed) for target in targets)


def _explain(
    release: Release,
    target: Target,
    sdist: ReleaseFile | None,
    needed: Callable[[], Needs | None],
) -> Explanation:
    classification = classify(release, (target,))[0]
    taken, covered, points = _taken(classification, target)
    if points and covered == points:
        reason = "a wheel fits" if len(taken) == 1 else "wheels fit"
        return Explanation(target=str(target), builds=False, reason=reason, wheels=taken)
    reason = _why_no_wheel(classification, partly=bool(covered))
    there = "in the rest" if covered else "there"
    if sdist is None:
        return Explanation(
            target=str(target),
            builds=False,
            reason=f"{reason}, and there is no sdist: it cannot be installed {there}",
            wheels=taken,
        )
    excluded = _excluded(sdist, target)
    if excluded is not None:
        return Explanation(
            target=str(target),
            builds=False,
            reason=f"{reason}, and the sdist is for Python {excluded}: "
            f"it cannot be installed {there}",
            wheels=taken,
            sdist=sdist.filename,
        )
    declaration = sdist.reading.declaration
    manual = None
    if isinstance(declaration, Declaration) and declaration.manual_build:
        manual = declaration.reason or ""
    return Explanation(
        target=str(target),
        builds=None if covered else True,
        reason=reason,
        wheels=taken,
        sdist=sdist.filename,
        needs=needed(),
        manual=manual,
    )


def _taken(classification: Classification, target: Target) -> tuple[tuple[str, ...], int, int]:
    """The wheels that are chosen somewhere in the target, where that is, and the whole of it."""
    if not classification.wheels:
        return (), 0, 1
    points = target_set(classification.space, (target,))
    chosen = classification.choice.chosen
    taken = tuple(
        file.filename
        for file, where in zip(classification.wheels, chosen, strict=True)
        if where & points
    )
    return taken, union(chosen) & points, points


def _why_no_wheel(classification: Classification, *, partly: bool) -> str:
    """``partly``: a wheel fits in a part of the environments, such as those with a newer libc."""
    wheels = classification.wheels
    if not wheels:
        return "the release has no wheels"
    tags = {
        tag
        for file in wheels
        if isinstance(file.artifact.name, WheelName)
        for tag in file.artifact.name.tags
    }
    pythons = sorted({tag.interpreter for tag in tags}, key=lambda text: (len(text), text))
    platforms = sorted({tag.platform for tag in tags})
    match len(wheels), partly:
        case 1, True:
            words = "its one wheel fits in a part of these environments only: it is"
        case 1, False:
            words = "its one wheel is"
        case count, True:
            words = f"its {count} wheels fit in a part of these environments only: they are"
        case count, False:
            words = f"none of its {count} wheels fits: they are"
    return f"{words} for {_list(pythons)} on {_list(platforms)}"


def _list(items: Sequence[str]) -> str:
    shown = ", ".join(f"`{item}`" for item in items[:_SHOWN])
    return shown if len(items) <= _SHOWN else f"{shown} and {len(items) - _SHOWN} more"


def _excluded(sdist: ReleaseFile, target: Target) -> str | None:
    """The sdist's `Requires-Python` if it leaves out the target's Python, whatever its patch level."""
    resolution = sdist.reading.resolution
    specifier = None if isinstance(resolution, Unreadable) else resolution.requires_python
    if specifier is None and sdist.artifact.index_requires_python:
        try:
            specifier = parse_specifiers(sdist.artifact.index_requires_python)
        except ValueError:
            return None
    if specifier is None:
        return None
    major, minor = target.python
    admitted = any(specifier.contains(f"{major}.{minor}.{patch}") for patch in range(40))
    return None if admitted else str(specifier)
