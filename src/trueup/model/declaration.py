"""What a project declares in ``[tool.trueup]`` of the `pyproject.toml` inside its sdist.

Core metadata can say "static" or "dynamic"; this says what lies between.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.utils import NormalizedName, canonicalize_name

from .errors import TrueupError
from .requirement import Requirement, parse_requirement

__all__ = ["Declaration", "parse_declaration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """``wheels_require`` is what published wheels add to the sdist's `Requires-Dist`, exactly;
    ``as_built`` names projects pinned to the version that the wheel was built against;
    ``may_add`` is what a local build may add, and nothing else; ``manual_build`` says that
    installers should not build this sdist by default, with the ``reason``; ``preemptive`` names
    projects whose upper bounds only guard against versions that nobody has tried yet.
    """

    wheels_require: tuple[Requirement, ...] = ()
    as_built: tuple[str, ...] = ()
    may_add: tuple[Requirement, ...] = ()
    manual_build: bool = False
    reason: str | None = None
    preemptive: tuple[NormalizedName, ...] = ()


def parse_declaration(text: str) -> Declaration | None:
    """Read the declaration from the text of a `pyproject.toml`; None if there is none.

    Raises TrueupError naming the key, what was found and what was expected.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TrueupError(f"is not valid TOML: {error}") from error
    tool = document.get("tool")
    table = tool.get("trueup") if isinstance(tool, dict) else None
    if not isinstance(table, dict):
        return None
    wheels = _table(table, "wheels")
    dynamic = _table(table, "dynamic")
    sdist = _table(table, "sdist")
    bounds = _table(table, "bounds")
    if not (wheels or dynamic or sdist or bounds):
        return None
    build = sdist.get("build", "auto")
    if build not in ("auto", "manual"):
        raise TrueupError(
            "`[tool.trueup.sdist] build`", found=repr(build), expected='"auto" or "manual"'
        )
    reason = sdist.get("reason")
    if reason is not None and not isinstance(reason, str):
        raise TrueupError("`[tool.trueup.sdist] reason`", found=repr(reason), expected="a string")
    return Declaration(
        wheels_require=_requirements(wheels, "wheels", "requires"),
        as_built=tuple(_strings(wheels, "wheels", "as-built")),
        may_add=_requirements(dynamic, "dynamic", "may-add"),
        manual_build=build == "manual",
        reason=reason,
        preemptive=_projects(bounds, "bounds", "preemptive"),
    )


_KEYS = {
    "wheels": ("requires", "as-built"),
    "dynamic": ("may-add",),
    "sdist": ("build", "reason"),
    "bounds": ("preemptive",),
}


def _table(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = parent.get(key, {})
    if not isinstance(value, dict):
        raise TrueupError(f"`[tool.trueup.{key}]`", found=repr(value), expected="a table")
    for name in value:
        # A declaration that is mistyped would be no declaration, silently.
        if name not in _KEYS[key]:
            raise TrueupError(
                f"`[tool.trueup.{key}]` has an unknown key",
                found=f"`{name}`",
                expected=" or ".join(f"`{known}`" for known in _KEYS[key]),
            )
    return value


def _strings(table: Mapping[str, object], name: str, key: str) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TrueupError(
            f"`[tool.trueup.{name}] {key}`", found=repr(value), expected="a list of strings"
        )
    return value


def _projects(table: Mapping[str, object], name: str, key: str) -> tuple[NormalizedName, ...]:
    projects = []
    for text in _strings(table, name, key):
        try:
            projects.append(canonicalize_name(text, validate=True))
        except ValueError as error:
            raise TrueupError(
                f"`[tool.trueup.{name}] {key}`",
                found=f"`{text}`",
                expected="the name of a project, without a version",
            ) from error
    return tuple(projects)


def _requirements(table: Mapping[str, object], name: str, key: str) -> tuple[Requirement, ...]:
    requirements = []
    for text in _strings(table, name, key):
        try:
            requirements.append(parse_requirement(text))
        except ValueError as error:
            raise TrueupError(
                f"`[tool.trueup.{name}] {key}`",
                found=f"`{text}`",
                expected=f"a requirement ({error})",
            ) from error
    return tuple(requirements)
