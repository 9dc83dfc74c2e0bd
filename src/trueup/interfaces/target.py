"""What a user can name: a folder, a file, an address, a release."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from trueup.model.errors import UsageError
from trueup.sources.requirements import pinned_version

__all__ = ["AskedAddress", "AskedPath", "AskedRelease", "AskedTarget", "parse_target"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPath:
    """A folder or a file that exists."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAddress:
    """The address of one sdist or wheel."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRelease:
    """``NAME==VERSION``, or ``NAME`` for the newest (version None)."""

    project: NormalizedName
    version: Version | None
    text: str


AskedTarget = AskedPath | AskedAddress | AskedRelease

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_LOCK = re.compile(r"(?:uv|poetry|pdm|pipfile)\.lock|pylock(?:\.[^.]+)?\.toml", re.IGNORECASE)
_REQUIREMENTS = re.compile(r"(?:.*[-_.])?(?:requirements|constraints)(?:[-_.].*)?\.(?:txt|in)")
_FOLDERS = frozenset(
    {
        "artifacts", "build", "dist", "out", "output", "packages", "sdist", "sdists", "target",
        "wheelhouse", "wheels",
    }
)  # fmt: skip
"""What folders of built files are usually called. Most are also projects on an index."""

_FORMS = "a folder, files, `NAME==VERSION`, `NAME` or an address of a file can be checked"


def parse_target(text: str, *, directory: Path) -> AskedTarget:
    """Tell what a target is; relative paths start at ``directory``.

    What exists as a path is that path: `trueup check dist` means the folder. A bare name by which
    such folders usually go is never a project, so that a gate does not judge a stranger where
    nothing was built. Raises UsageError.
    """
    if _ADDRESS.match(text):
        if not text.lower().startswith(("http://", "https://")):
            raise UsageError(
                "an address", found=f"`{text}`", expected="one that starts with `https://`"
            )
        return AskedAddress(url=text)
    path = directory / text
    _refuse_list(text, path)
    if text and path.exists():
        return AskedPath(path=Path(text))
    if not text or re.search(r"[/\\]|\.(?:whl|zip|tar|tgz|gz|bz2|xz)$", text):
        raise UsageError(f"there is no file or folder `{text}`", hint=_FORMS)
    if text.lower() in _FOLDERS:
        raise UsageError(
            f"there is no file or folder `{text}`",
            hint=f"for the project of this name on an index, write `{text}==VERSION`; {_FORMS}",
        )
    return _release(text)


def _refuse_list(text: str, path: Path) -> None:
    """A file that names releases is no release; neither is one that does not exist."""
    if path.is_dir():
        return
    name = re.split(r"[/\\]", text)[-1]
    if _LOCK.fullmatch(name):
        raise UsageError(
            f"`{text}` is a lock, not a release",
            hint=f"a lock is given with `--lock`: `trueup check --lock {text}`",
        )
    if _REQUIREMENTS.fullmatch(name):
        raise UsageError(
            f"`{text}` is a requirements file, not a release",
            hint=f"a requirements file is given with `-r`: `trueup check -r {text}`",
        )


def _release(text: str) -> AskedRelease:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise UsageError(
            f"`{text}` is neither a path nor a release",
            hint=f"write a release as `numpy==2.1.0`; {_FORMS}",
        ) from error
    if requirement.url is not None or requirement.marker is not None:
        raise UsageError(f"`{text}` is no release", hint="write a release as `numpy==2.1.0`")
    version = pinned_version(requirement.specifier)
    if version is None and requirement.specifier:
        raise UsageError(
            f"`{text}` names no single version",
            hint=f"name one, `{requirement.name}==VERSION`, or take the newest, "
            f"`{requirement.name}`",
        )
    return AskedRelease(project=canonicalize_name(requirement.name), version=version, text=text)
