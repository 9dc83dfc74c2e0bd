"""Requirements files (pip's documentation, "Requirements file format"): lines, and what they name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from trueup.model.errors import SourceError
from trueup.model.named import LeftOut, NamedRelease, NamedReleases
from trueup.model.version import parse_version

__all__ = [
    "Elsewhere",
    "OptionLine",
    "RequirementLine",
    "elsewhere",
    "is_address",
    "pinned_version",
    "read_requirements",
    "requirement_lines",
]

Read = Callable[[Path], str]

_VCS = re.compile(r"(?:git|hg|svn|bzr)\+", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//|(?:git|hg|svn|bzr)\+|file:", re.IGNORECASE)
_COMMENT = re.compile(r"(^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
# What may follow a requirement on its line; nothing before it can hold " --".
_PER_REQUIREMENT = re.compile(r"\s+(?:--?[a-z-]+)(?:[= ]|$)")
_HASH = re.compile(r"""\s--hash(?:=|\s+)["']?([^\s"']+)""")
_LONG = {
    "-r": "--requirement", "-c": "--constraint", "-i": "--index-url", "-e": "--editable",
    "-f": "--find-links", "--pypi-url": "--index-url",
}  # fmt: skip


def pinned_version(specifier: SpecifierSet) -> Version | None:
    """The one version that a specifier set admits by name (``==1.0``), None if it names none."""
    for part in specifier:
        if part.operator in ("==", "===") and not part.version.endswith(".*"):
            return parse_version(part.version)
    return None


# --- lines --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementLine:
    """A line that asks for something. ``text`` is without the options that follow it.

    ``file`` is the file that it stands in, ``hashes`` are the values of `--hash` as written;
    ``constraint`` is True for a line that installs nothing by itself.
    """

    text: str
    file: Path
    origin: str
    constraint: bool = False
    hashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionLine:
    """An option on a line of its own, under its long name; ``text`` is the line as written."""

    option: str
    value: str
    text: str
    file: Path
    origin: str


def requirement_lines(
    path: Path, *, read: Read, environ: Mapping[str, str] | None = None
) -> Iterator[RequirementLine | OptionLine]:
    """The lines of a requirements file, those of included files in the place of the including line.

    ``read`` gives the text of a file, ``environ`` expands ``${NAME}``. A file at an address is not
    read: its line comes as it is. Raises whatever ``read`` raises, and SourceError, with the line,
    for options that cannot be split into words and for files that include each other too deeply.
    """
    return _lines(path, read, environ or {}, set(), constraint=False)


def _lines(
    path: Path, read: Read, environ: Mapping[str, str], seen: set[Path], *, constraint: bool
) -> Iterator[RequirementLine | OptionLine]:
    # Files may include each other in a circle, which pip refuses and which says nothing new here.
    resolved = path.resolve()
    if resolved in seen:
        return
    seen.add(resolved)
    for number, line in _logical_lines(read(path)):
        origin = f"{path}:{number}"
        text = _VARIABLE.sub(lambda match: environ.get(match[1], match[0]), line)
        if not text.startswith("-"):
            yield _requirement_line(text, path, origin, constraint=constraint)
            continue
        option, value = _option(text, origin)
        included = option in ("--requirement", "--constraint")
        if not included or is_address(value):
            yield OptionLine(option=option, value=value, text=text, file=path, origin=origin)
            continue
        below = constraint or option == "--constraint"
        try:
            yield from _lines(path.parent / value, read, environ, seen, constraint=below)
        except RecursionError as error:
            raise SourceError("includes files too deeply", place=(origin,)) from error
        except SourceError as error:
            error.within(origin)
            raise
        except ValueError as error:
            raise SourceError(
                f"includes what is no path: {error}", found=f"`{text}`", place=(origin,)
            ) from error


def _requirement_line(text: str, path: Path, origin: str, *, constraint: bool) -> RequirementLine:
    match = _PER_REQUIREMENT.search(text)
    hashes: tuple[str, ...] = ()
    if match:
        # Not with `shlex`, which takes a second for the thousands of hashes of a large project.
        hashes = tuple(_HASH.findall(text, match.start()))
        text = text[: match.start()]
    return RequirementLine(
        text=text.strip(), file=path, origin=origin, constraint=constraint, hashes=hashes
    )


def is_address(value: str) -> bool:
    """Whether something on a line is an address of any scheme, not a path."""
    return _ADDRESS.match(value) is not None


class Elsewhere(StrEnum):
    """What a line names where it names neither a project nor a release of one."""

    VCS = "vcs"
    ADDRESS = "address"
    PATH = "path"
    FILE = "file"
    """A file beside the requirements file, by its mere name."""


def elsewhere(text: str) -> Elsewhere | None:
    """What a line that pip accepts names instead of a project; None if it names a project."""
    if _VCS.match(text):
        return Elsewhere.VCS
    if is_address(text):
        return Elsewhere.ADDRESS
    if text.startswith((".", "/", "~")) or re.match(r"[A-Za-z]:[\\/]", text):
        return Elsewhere.PATH
    if re.fullmatch(r"\S+\.(?:whl|zip|tar\.(?:gz|bz2|xz)|tgz)", text) and "@" not in text:
        return Elsewhere.FILE
    return None


def _option(text: str, origin: str) -> tuple[str, str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SourceError(f"is no option: {error}", found=f"`{text}`", place=(origin,)) from error
    option, equals, value = words[0].partition("=")
    if not equals and not option.startswith("--") and len(option) > 2:
        option, value = option[:2], option[2:]  # `-rother.txt`
    elif not equals:
        value = " ".join(words[1:])
    return _LONG.get(option, option), value


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


# --- the releases that lines name ---------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """What was read so far, over all included files."""

    releases: list[NamedRelease] = field(default_factory=list)
    unpinned: list[tuple[NormalizedName, LeftOut]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    constraints: dict[NormalizedName, Version] = field(default_factory=dict)
    index: str | None = None
    extra_indexes: list[str] = field(default_factory=list)


_REASONS = {
    Elsewhere.VCS: "comes from an address, not from an index",
    Elsewhere.ADDRESS: "comes from an address, not from an index",
    Elsewhere.PATH: "comes from a path, not from an index",
    Elsewhere.FILE: "is a file, not a release; check that file itself",
}


def read_requirements(
    path: Path, *, read: Read, environ: Mapping[str, str] | None = None
) -> NamedReleases:
    """Read the releases that a requirements file and the files it includes name.

    ``read`` gives the text of a file. A line without a pin takes its version from the constraints
    files where one has it, and is left out otherwise. Raises whatever ``read`` raises, and
    SourceError, with the line, for a line that is no requirement.
    """
    gathered = _Gathered()
    for line in requirement_lines(path, read=read, environ=environ):
        if isinstance(line, OptionLine):
            _gather_option(line, gathered)
        else:
            _gather(line, gathered)
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


def _gather_option(line: OptionLine, gathered: _Gathered) -> None:
    if line.option == "--index-url":
        gathered.index = line.value
    elif line.option == "--extra-index-url":
        gathered.extra_indexes.append(line.value)
    elif line.option == "--editable":
        gathered.left_out.append(
            LeftOut(
                what=line.value, reason="an editable project, not a release", origin=line.origin
            )
        )
    elif line.option in ("--requirement", "--constraint"):
        gathered.left_out.append(
            LeftOut(what=line.text, reason="a file at an address is not read", origin=line.origin)
        )


def _gather(line: RequirementLine, gathered: _Gathered) -> None:
    place = elsewhere(line.text)
    if place is not None:
        reason = _REASONS[place]
        gathered.left_out.append(LeftOut(what=line.text, reason=reason, origin=line.origin))
        return
    try:
        requirement = Requirement(line.text)
    except InvalidRequirement as error:
        raise SourceError(
            f"is no requirement: {str(error).splitlines()[0]}",
            found=f"`{line.text}`",
            place=(line.origin,),
        ) from error
    project = canonicalize_name(requirement.name)
    if requirement.url is not None:
        reason = _REASONS[Elsewhere.ADDRESS]
        gathered.left_out.append(LeftOut(what=line.text, reason=reason, origin=line.origin))
        return
    version = pinned_version(requirement.specifier)
    if line.constraint:
        # A constraint installs nothing by itself; it pins what another line asks for.
        if version is not None:
            gathered.constraints.setdefault(project, version)
    elif version is None:
        reason = "is not pinned to one version"
        left_out = LeftOut(what=line.text, reason=reason, origin=line.origin)
        gathered.unpinned.append((project, left_out))
    else:
        gathered.releases.append(NamedRelease(project=project, version=version, origin=line.origin))
