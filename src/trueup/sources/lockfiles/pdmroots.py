"""What a PDM project asks for: the standard tables, and `[tool.pdm.dev-dependencies]`."""

from __future__ import annotations

import re

from packaging.utils import NormalizedName

from trueup.model.requirement import parse_requirement
from trueup.sources.lockfiles.document import LockDocument, Table
from trueup.sources.lockfiles.roots import (
    Asked,
    Roots,
    named,
    parse_asked,
    standard_groups,
    standard_project,
)

__all__ = ["pdm_roots"]

_NAMELESS = NormalizedName("pyproject.toml")
"""Stands for a project that has no name, as an application may."""


def pdm_roots(document: LockDocument) -> Roots:
    """The requirements that a `pyproject.toml` states to PDM; its faults are the document's."""
    root = document.root
    project = root.table("project")
    name = project.project(required=False) if project is not None else None
    roots = Roots(origin=document.path, name=name or _NAMELESS)
    if project is not None:
        roots.python = project.specifiers()
        standard_project(project, roots)
    groups = root.table("dependency-groups")
    if groups is not None:
        standard_groups(groups, roots)
    tool = root.table("tool")
    pdm = tool.table("pdm") if tool is not None else None
    development = pdm.table("dev-dependencies") if pdm is not None else None
    if development is not None:
        _add_development(development, roots)
    return roots


def _add_development(table: Table, roots: Roots) -> None:
    for key in table.values:
        if (name := named(table, key)) is not None:
            asked = table.parsed_each(key, _asked, "a requirement")
            roots.groups.setdefault(name, []).extend(asked)


def _asked(text: str) -> Asked:
    """A requirement, or a folder as pip writes it: `-e file:///${PROJECT_ROOT}/part#egg=part`."""
    if not text.startswith("-e"):
        return parse_asked(text)
    match = re.search(r"#(?:.*&)?egg=([^&\s]+)", text)
    if match is None:
        raise ValueError("names no project")
    requirement = parse_requirement(match[1])
    return Asked(requirement=requirement, ranges=(requirement.specifier,))
