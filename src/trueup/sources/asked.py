"""Requirements that a user gives as text: on the command line, with paths and addresses.

pip's documentation, "Requirement Specifiers", "VCS Support" and "Local project installs".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from trueup.model.artifact import OtherName, has_artifact_suffix, parse_filename
from trueup.model.errors import UsageError
from trueup.model.lockrequest import Root
from trueup.model.requirement import Requirement, parse_requirement
from trueup.sources.project import Declared
from trueup.sources.requirements import Elsewhere, elsewhere
from trueup.sources.url import local_path, redact
from trueup.sources.workspace import Workspace

__all__ = ["COMMAND_LINE", "asked_root"]

COMMAND_LINE = "command line"
"""The origin of what was typed."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_NAMED = re.compile(r"\s*[A-Za-z0-9][\w.-]*\s*(?:\[[^\]]*\])?\s*@")
_MARKED = re.compile(r"(?P<what>.*?)(?:\s*;\s*(?P<marker>.*))?", re.DOTALL)
_MARKED_ADDRESS = re.compile(r"(?P<what>.*?)(?:\s+;\s*(?P<marker>.*))?", re.DOTALL)
_EXTRAS = re.compile(r"(?P<what>.*?)\s*(?:\[(?P<extras>[^\[\]/\\]*)\])?", re.DOTALL)
_FORMS = (
    "write `NAME>=VERSION`, a folder of a project (`./libs/a`), a wheel or an sdist, "
    "or `NAME @ ADDRESS`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unnamed:
    """A path or an address, with the extras and the marker that stand beside it."""

    what: str
    extras: str = ""
    marker: str = ""

    def requirement(self, name: str, url: str | None = None) -> Requirement:
        extras = f"[{self.extras}]" if self.extras else ""
        text = f"{name}{extras}" + (f" @ {url}" if url is not None else "")
        return parse_requirement(f"{text} ; {self.marker}" if self.marker else text)


def asked_root(
    text: str,
    *,
    origin: str,
    directory: Path,
    workspace: Workspace,
    editable: bool = False,
) -> Root:
    """One requirement as it was typed, or as it stands on a line of a file.

    A name with versions, ``NAME @ ADDRESS``, the address of a file or of a repository (with
    ``#egg=NAME``), the path of a file, or that of a project's folder, which ``workspace`` then
    knows; relative paths start at ``directory``, as they do with pip. Raises UsageError, with the
    origin, for anything else.
    """
    text = text.strip()
    try:
        if not _is_path(text, directory) and (_NAMED.match(text) or not _SCHEME.match(text)):
            if editable and not _NAMED.match(text):
                return _at_path(text, origin, directory, workspace, editable=True)
            return _named(text, origin, directory, workspace, editable=editable)
        if _SCHEME.match(text) and not re.match(r"[A-Za-z]:[\\/]", text):
            return _at_address(text, origin, workspace, editable=editable)
        return _at_path(text, origin, directory, workspace, editable=editable)
    except ValueError as error:
        raise UsageError(
            f"is no requirement: {str(error).splitlines()[0]}",
            found=f"`{redact(text)}`",
            hint=_FORMS,
            place=(origin,),
        ) from error


def _is_path(text: str, directory: Path) -> bool:
    """Whether a text is meant as a path: a name of a project holds no slash."""
    head = text.split(";")[0].strip()
    if _NAMED.match(head) or (_SCHEME.match(head) and not re.match(r"[A-Za-z]:[\\/]", head)):
        return False
    if head.startswith((".", "~")) or re.search(r"[/\\]", head):
        return True
    return has_artifact_suffix(head) and (directory / head).is_file()


def _named(
    text: str, origin: str, directory: Path, workspace: Workspace, *, editable: bool
) -> Root:
    """A requirement in the standard's own form; its address may be a relative path, as with uv."""
    _refuse_files(text, origin, directory)
    requirement = parse_requirement(text)
    if requirement.marker is not None and requirement.marker.extras:
        raise ValueError("nothing is asked of an extra here, so its marker never holds")
    if requirement.url is None:
        return workspace.root(Declared(requirement=requirement, origin=origin))
    unnamed = _Unnamed(
        what=requirement.url,
        extras=",".join(sorted(requirement.extras)),
        marker=requirement.marker.text if requirement.marker is not None else "",
    )
    if not _SCHEME.match(requirement.url):
        path = directory / requirement.url
        return _project_or_file(
            path, unnamed, origin, workspace, name=requirement.project, editable=editable
        )
    if requirement.url.lower().startswith("file:"):
        return _project_or_file(
            local_path(requirement.url),
            unnamed,
            origin,
            workspace,
            name=requirement.project,
            editable=editable,
        )
    return Root(requirement=requirement, origin=origin, editable=editable)


def _at_path(
    text: str, origin: str, directory: Path, workspace: Workspace, *, editable: bool
) -> Root:
    unnamed = _taken_apart(text, _MARKED)
    path = directory / unnamed.what
    return _project_or_file(path, unnamed, origin, workspace, editable=editable)


def _at_address(text: str, origin: str, workspace: Workspace, *, editable: bool) -> Root:
    match = _MARKED_ADDRESS.fullmatch(text)
    assert match is not None
    url, fragment = _without_egg(match["what"])
    unnamed = _Unnamed(what=url, extras=fragment[1], marker=match["marker"] or "")
    if url.lower().startswith("file:"):
        path = local_path(url)
        return _project_or_file(path, unnamed, origin, workspace, editable=editable)
    filename = unquote(urlsplit(url).path.rpartition("/")[2])
    name = fragment[0]
    if not name and elsewhere(url) is not Elsewhere.VCS and has_artifact_suffix(filename):
        name = _project_of(filename)
    if not name:
        raise UsageError(
            "an address does not tell the name of its project",
            found=f"`{redact(text)}`",
            hint=f"write `NAME @ {redact(url)}`",
            place=(origin,),
        )
    return Root(requirement=unnamed.requirement(name, url), origin=origin, editable=editable)


def _project_or_file(
    path: Path,
    unnamed: _Unnamed,
    origin: str,
    workspace: Workspace,
    *,
    name: str | None = None,
    editable: bool = False,
) -> Root:
    if path.is_file():
        project = name or _project_of(path.name)
        requirement = unnamed.requirement(project, path.resolve().as_uri())
        return Root(requirement=requirement, origin=origin)
    project = workspace.add(
        path,
        origin=origin,
        name=canonicalize_name(name) if name is not None else None,
        editable=editable,
    )
    return Root(requirement=unnamed.requirement(project), origin=origin, editable=editable)


def _project_of(filename: str) -> str:
    name = parse_filename(filename)
    if isinstance(name, OtherName):
        raise ValueError(name.reason)
    return name.project


def _taken_apart(text: str, pattern: re.Pattern[str]) -> _Unnamed:
    """``./libs/a[x] ; MARKER`` as its parts."""
    marked = pattern.fullmatch(text)
    assert marked is not None
    extras = _EXTRAS.fullmatch(marked["what"])
    assert extras is not None
    return _Unnamed(
        what=extras["what"], extras=extras["extras"] or "", marker=marked["marker"] or ""
    )


def _without_egg(url: str) -> tuple[str, tuple[str, str]]:
    """The address without ``egg`` in its fragment, and the name and extras that stood there."""
    head, hash_sign, fragment = url.partition("#")
    parts = [part for part in fragment.split("&") if part]
    eggs = [unquote(part[4:]) for part in parts if part.startswith("egg=")]
    rest = "&".join(part for part in parts if not part.startswith("egg="))
    egg = _EXTRAS.fullmatch(eggs[-1]) if eggs else None
    named = (egg["what"], egg["extras"] or "") if egg is not None else ("", "")
    return head + (hash_sign + rest if rest else ""), named


def _refuse_files(text: str, origin: str, directory: Path) -> None:
    """A file that holds requirements is not one itself."""
    if origin == COMMAND_LINE and (
        text == "pyproject.toml" or re.fullmatch(r"[\w.-]+\.(?:txt|in)", text)
    ):
        if text == "pyproject.toml":
            hint = "the project in this folder is locked by `trueup lock` alone"
        else:
            hint = f"a requirements file is given with `-r`: `trueup lock -r {text}`"
        if (directory / text).is_file() or text == "pyproject.toml":
            raise UsageError(f"`{text}` is a file, not a requirement", hint=hint)
