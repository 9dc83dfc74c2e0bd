"""Requirements files as the input of a lock: what they ask for, and from where.

pip's documentation, "Requirements File Format". An option that would change what is installed, and
that a lock cannot follow, is refused; one that only tells how pip should go about it is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import InvalidName, canonicalize_name

from trueup.model.errors import LimitError, NotFoundError, SourceError, UsageError
from trueup.model.lockrequest import EVERYTHING, Root
from trueup.model.requirement import Requirement, parse_requirement
from trueup.sources.asked import asked_root
from trueup.sources.named import MAX_BYTES
from trueup.sources.requirements import (
    OptionLine,
    RequirementLine,
    elsewhere,
    is_address,
    requirement_lines,
)
from trueup.sources.tomltable import alternatives
from trueup.sources.workspace import Workspace

__all__ = ["AskedFiles", "read_asked_files"]

_PASSED_OVER = frozenset(
    {"--prefer-binary", "--require-hashes", "--trusted-host", "--use-feature", "--no-cache-dir"}
)
_UNDERSTOOD = (
    "--requirement", "--constraint", "--editable", "--index-url", "--extra-index-url",
    "--find-links", "--only-binary", "--pre",
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class AskedFiles:
    """What requirements files say, all together.

    ``index`` is the last `--index-url`, as pip takes it; ``find_links`` are addresses and paths;
    ``only_binary`` are project names or EVERYTHING.
    """

    roots: list[Root] = field(default_factory=list)
    constraints: list[Requirement] = field(default_factory=list)
    index: str | None = None
    extra_indexes: list[str] = field(default_factory=list)
    find_links: list[str] = field(default_factory=list)
    only_binary: frozenset[str] = frozenset()
    prereleases: bool = False


def read_asked_files(
    files: Sequence[Path],
    *,
    constraints: Sequence[Path] = (),
    directory: Path,
    environ: Mapping[str, str],
    workspace: Workspace,
) -> AskedFiles:
    """Read requirements files, with what they include, and files of constraints.

    Files and paths on their lines start at ``directory``, included files at the including one.
    Raises UsageError or SourceError naming the file and the line.
    """
    asked = AskedFiles()
    read = _reader(directory)
    for path in files:
        for line in requirement_lines(path, read=read, environ=environ):
            if isinstance(line, OptionLine):
                _follow(line, asked, directory, workspace)
            elif line.constraint:
                asked.constraints.append(_constraint(line))
            else:
                asked.roots.append(
                    asked_root(
                        line.text, origin=line.origin, directory=directory, workspace=workspace
                    )
                )
    for path in constraints:
        for line in requirement_lines(path, read=read, environ=environ):
            if isinstance(line, RequirementLine):
                asked.constraints.append(_constraint(line))
            else:
                raise _refused(line, "a requirement, for only these constrain")
    return asked


def _reader(directory: Path) -> Callable[[Path], str]:
    def read(path: Path) -> str:
        try:
            with (directory / path).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError as error:
            raise NotFoundError("no such file", place=(str(path),)) from error
        except OSError as error:
            raise SourceError(
                f"cannot be read: {error.strerror or error}", place=(str(path),)
            ) from error
        if len(data) > MAX_BYTES:
            raise LimitError(
                "is too large to be a requirements file",
                expected=f"at most {MAX_BYTES // 1024**2} MiB",
                place=(str(path),),
            )
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise SourceError("is not UTF-8", place=(f"{path}:{line}",)) from error

    return read


def _constraint(line: RequirementLine) -> Requirement:
    expected = "a project with its versions, such as `urllib3<3`"
    found = f"`{line.text}`"
    try:
        if elsewhere(line.text) is not None:
            raise ValueError("names no project")
        requirement = parse_requirement(line.text)
    except ValueError as error:
        raise UsageError(
            f"is no constraint: {error}", found=found, expected=expected, place=(line.origin,)
        ) from error
    if requirement.extras:
        raise UsageError(
            "a constraint has no extras", found=found, expected=expected, place=(line.origin,)
        )
    return requirement


def _follow(line: OptionLine, asked: AskedFiles, directory: Path, workspace: Workspace) -> None:
    if line.option not in ("--pre", *_PASSED_OVER) and not line.value:
        raise _refused(line, f"a value after `{line.option}`")
    match line.option:
        case "--editable":
            asked.roots.append(
                asked_root(
                    line.value,
                    origin=line.origin,
                    directory=directory,
                    workspace=workspace,
                    editable=True,
                )
            )
        case "--index-url":
            asked.index = line.value
        case "--extra-index-url":
            asked.extra_indexes.append(line.value)
        case "--find-links":
            asked.find_links.append(_place(line, directory))
        case "--only-binary":
            asked.only_binary = _only_binary(line, asked.only_binary)
        case "--pre":
            asked.prereleases = True
        case "--requirement" | "--constraint":
            raise _refused(line, "a path: files at an address are not read")
        case option if option not in _PASSED_OVER:
            raise _refused(line, f"an option that a lock can follow: {alternatives(_UNDERSTOOD)}")


def _refused(line: OptionLine, expected: str) -> UsageError:
    return UsageError(
        f"`{line.option}` cannot be followed",
        found=f"`{line.text}`",
        expected=expected,
        place=(line.origin,),
    )


def _place(line: OptionLine, directory: Path) -> str:
    """An address as it is; a folder beside the file that names it, as pip reads it, or from here."""
    if is_address(line.value):
        return line.value
    beside = directory / line.file.parent / line.value
    return str(beside if beside.exists() else directory / line.value)


def _only_binary(line: OptionLine, before: frozenset[str]) -> frozenset[str]:
    """pip's `:all:` and `:none:` replace what was said before, names add to it."""
    for item in filter(None, line.value.split(",")):
        if item == ":all:":
            before = frozenset({EVERYTHING})
        elif item == ":none:":
            before = frozenset()
        else:
            try:
                before |= {canonicalize_name(item.strip(), validate=True)}
            except InvalidName as error:
                raise _refused(line, "names of projects, `:all:` or `:none:`") from error
    return before
