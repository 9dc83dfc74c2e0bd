"""Which releases a requirements file names (pip's documentation, "Requirements file format")."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from trueup.model.errors import SourceError
from trueup.model.named import LeftOut, NamedRelease, NamedReleases

__all__ = ["pinned_version", "read_requirements"]

Read = Callable[[Path], str]

_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//|(?:git|hg|svn|bzr)\+|file:", re.IGNORECASE)
_COMMENT = re.compile(r"(^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
# What may follow a requirement on its line; nothing before it can hold " --".
_PER_REQUIREMENT = re.compile(r"\s+(?:--?[a-z-]+)(?:[= ]|$)")


def pinned_version(specifier: SpecifierSet) -> Version | None:
    """The one version that a specifier set admits by name (``==1.0``), None if it names none."""
    for part in specifier:
        if part.operator in ("==", "===") and not part.version.endswith(".*"):
            try:
                return Version(part.version)
            except InvalidVersion:
                return None
    return None


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """What was read so far, over all included files."""

    releases: list[NamedRelease] = field(default_factory=list)
    unpinned: list[tuple[NormalizedName, LeftOut]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    constraints: dict[NormalizedName, Version] = field(default_factory=dict)
    index: str | None = None
    extra_indexes: list[str] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)


def read_requirements(
    path: Path, *, read: Read, environ: Mapping[str, str] | None = None
) -> NamedReleases:
    """Read the releases that a requirements file and the files it includes name.

    ``read`` gives the text of a file. A line without a pin takes its version from the constraints
    files where one has it, and is left out otherwise. Raises whatever ``read`` raises, and
    SourceError, with the line, for a line that is no requirement.
    """
    gathered = _Gathered()
    _read(path, read, environ or {}, gathered, constraints=False)
    for project, left_out in gathered.unpinned:
        version = gathered.constraints.get(project)
        if version is None:
            gathered.left_out.append(left_out)
        else:
            gathered.releases.append(
                NamedRelease(project=project, version=version, origin=left_out.origin)
            )
    releases: dict[object, NamedRelease] = {}
    for release in gathered.releases:
        # pip's options are global: the last `--index-url` holds for every line of every file.
        releases.setdefault(
            (release.project, release.version),
            NamedRelease(
                project=release.project,
                version=release.version,
                origin=release.origin,
                index=gathered.index,
            ),
        )
    return NamedReleases(
        releases=tuple(releases.values()),
        left_out=tuple(gathered.left_out),
        extra_indexes=tuple(dict.fromkeys(gathered.extra_indexes)),
    )


def _read(
    path: Path, read: Read, environ: Mapping[str, str], gathered: _Gathered, *, constraints: bool
) -> None:
    # Files may include each other in a circle, which pip refuses and which says nothing new here.
    resolved = path.resolve()
    if resolved in gathered.seen:
        return
    gathered.seen.add(resolved)
    for number, line in _logical_lines(read(path)):
        origin = f"{path}:{number}"
        text = _VARIABLE.sub(lambda match: environ.get(match[1], match[0]), line)
        if not text.startswith("-"):
            _requirement(text, origin, gathered, constraints=constraints)
            continue
        option, value = _option(text, origin)
        if option in ("-r", "--requirement", "-c", "--constraint"):
            included = constraints or option in ("-c", "--constraint")
            if _ADDRESS.match(value):
                gathered.left_out.append(
                    LeftOut(what=text, reason="a file at an address is not read", origin=origin)
                )
            else:
                _include(path, value, origin, read, environ, gathered, constraints=included)
        elif option in ("-i", "--index-url", "--pypi-url"):
            gathered.index = value
        elif option == "--extra-index-url":
            gathered.extra_indexes.append(value)
        elif option in ("-e", "--editable"):
            gathered.left_out.append(
                LeftOut(what=value, reason="an editable project, not a release", origin=origin)
            )


def _include(
    path: Path,
    value: str,
    origin: str,
    read: Read,
    environ: Mapping[str, str],
    gathered: _Gathered,
    *,
    constraints: bool,
) -> None:
    try:
        _read(path.parent / value, read, environ, gathered, constraints=constraints)
    except RecursionError as error:
        raise SourceError("includes files too deeply", place=(origin,)) from error
    except SourceError as error:
        error.within(origin)
        raise


def _requirement(text: str, origin: str, gathered: _Gathered, *, constraints: bool) -> None:
    match = _PER_REQUIREMENT.search(text)
    text = (text[: match.start()] if match else text).strip()
    reason = _no_release(text)
    if reason is not None:
        gathered.left_out.append(LeftOut(what=text, reason=reason, origin=origin))
        return
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise SourceError(
            f"is no requirement: {str(error).splitlines()[0]}",
            found=f"`{text}`",
            place=(origin,),
        ) from error
    project = canonicalize_name(requirement.name)
    if requirement.url is not None:
        reason = "comes from an address, not from an index"
        gathered.left_out.append(LeftOut(what=text, reason=reason, origin=origin))
        return
    version = pinned_version(requirement.specifier)
    if constraints:
        # A constraint installs nothing by itself; it pins what another line asks for.
        if version is not None:
            gathered.constraints.setdefault(project, version)
    elif version is None:
        reason = "is not pinned to one version"
        gathered.unpinned.append((project, LeftOut(what=text, reason=reason, origin=origin)))
    else:
        gathered.releases.append(NamedRelease(project=project, version=version, origin=origin))


def _no_release(text: str) -> str | None:
    """Why a line names no release of an index although it is a line that pip accepts."""
    if _ADDRESS.match(text):
        return "comes from an address, not from an index"
    if text.startswith((".", "/", "~")) or re.match(r"[A-Za-z]:[\\/]", text):
        return "comes from a path, not from an index"
    if re.fullmatch(r"\S+\.(?:whl|zip|tar\.(?:gz|bz2|xz)|tgz)", text) and "@" not in text:
        return "is a file, not a release; check that file itself"
    return None


def _option(text: str, origin: str) -> tuple[str, str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SourceError(f"is no option: {error}", found=f"`{text}`", place=(origin,)) from error
    option, equals, value = words[0].partition("=")
    if not equals and not option.startswith("--") and len(option) > 2:
        option, value = option[:2], option[2:]  # `-rother.txt`
        return option, value
    return option, value if equals else " ".join(words[1:])


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines joined at a trailing backslash, without comments, with the number of the first."""
    pending, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start if pending else number
        # As pip does: a comment line ends a continued one, and its own backslash does not count.
        comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not comment:
            pending += line[:-1] + " "
            continue
        joined = _COMMENT.sub("", pending + ("" if comment and pending else line)).strip()
        pending = ""
        if joined:
            yield start, joined
    if pending.strip():
        yield start, _COMMENT.sub("", pending).strip()
